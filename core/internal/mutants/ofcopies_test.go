package mutants

// The simulation of replicas, clusters and nodes.
var copies = layer{name: "simulation of copies", folder: "internal/sim/copies", test: "TestSeed", seeds: 10000}

// The packages that most edits are in.
const (
	msm      = "."
	replica  = "internal/replica"
	quorum   = "internal/quorum"
	local    = "internal/local"
	keyqueue = "internal/keyqueue"
	cluster  = "internal/cluster"
	peers    = "internal/peers"
	repair   = "internal/repair"
	lock     = "internal/lock"
	node     = "internal/node"
	memcache = "internal/memcache"
)

// ofCopies are rules of package replica.
var ofCopies = []mutant{
	{
		"W5", "the home is written only over what was read there",
		[]edit{{replica, "	out, err := w.put(ctx, n, c)", `	there, _ := n.Get(ctx, w.access.key)
	out, err := w.put(ctx, n, quorum.CopyState{Token: there.Token, Epoch: n.Epoch()})`}}, copies,
	},
	{
		"W5", "a token says nothing in another life of its node",
		[]edit{{quorum, "c.Token != 0 && c.Epoch != present", "false"}}, unit("TestATokenOfAnotherLife", "internal/replica"),
	},
	{
		"W5", "who is about to write over a home looks whether it is in another life",
		[]edit{{replica, "if w.to.claim && c.Token != 0 {", "if false {"}}, unit("TestATokenOfAnotherLife", "internal/replica"),
	},
	{
		"C9", "a stale copy that is read damaged goes on being owed what is newer",
		[]edit{{replica, "		return memcache.Item{}, node.ErrGarbled\n", "		return item, nil\n"}}, unit("TestAStaleCopyThatIsReadDamaged", "internal/replica"),
	},
	{
		"C9", "what is read damaged is not written over unread",
		[]edit{{replica, "if err == nil && got.Rec == nil && got.err == nil {", "if false {"}, {replica, "	if item, err = readAgain(ctx, n, key, item); err != nil {\n		return item, there, err\n	}\n", ""}}, unit("TestWhatIsReadDamagedIsNotWrittenOver", "internal/replica"),
	},
	{
		"W12", "a session that was ended before it was stored is gone",
		[]edit{{replica, "errors.Is(err, errBuried) || ", ""}}, unit("TestASessionThatHasEndedBeforeItIsStored", "internal/replica"),
	},
	{
		"W6", "a backup is written only over what the request knows of",
		[]edit{{replica, "	case w.outranked(there):\n", "	case w.outranked(there) && false:\n"}}, copies,
	},
	{
		"W1", "a plain write goes to the backups before the home",
		[]edit{{replica, `	if w.to.claim {
		if out,`, `	if true {
		if out,`}}, copies,
	},
	{
		"W2", "a claim goes to the home before the backups",
		[]edit{{replica, `	if w.to.claim {
		if out,`, `	if false {
		if out,`}}, copies,
	},
	{
		"W1", "a write is acknowledged when the backups have it",
		[]edit{{replica, `	if out, err := w.backups(ctx, others); out != done || err != nil {
		return out, err
	}
	return w.home(ctx, w.to.home)`, `	go func() { _, _ = w.backups(ctx, others) }()
	return w.home(ctx, w.to.home)`}}, copies,
	},
	{
		"W8", "a write that a backup did not answer is done again with another one",
		[]edit{{replica, "if out, err := w.backup(ctx, n); out != done || err != nil {", "if out, err := w.backup(ctx, n); out == conflict || err != nil {"}}, copies,
	},
	{
		"W4", "other backups are a claim, with the next term",
		[]edit{{replica, `			p.strange = append(p.strange, c)
		}
		p.claim = true`, `			p.strange = append(p.strange, c)
		}`}, {replica, `			p.backups = append(p.backups, n)
			p.claim = true`, `			p.backups = append(p.backups, n)`}}, copies,
	},
	{
		"C7", "another home is a claim, with the next term",
		[]edit{{quorum, "d.Term, d.Claim = last+1, true", "d.Term, d.Claim = last, true"}}, copies,
	},
	{
		"W2", "a claim is unsettled until a plain write",
		[]edit{{replica, "next.Unsettled = to.claim && len(to.backups) > 0", "next.Unsettled = false"}}, unit("TestAHalfClaimThatWasReadStays", "internal/replica"),
	},
	{
		"W4", "writers use the backups that the record names",
		[]edit{{replica, "for _, c := range d.Rec.Copies {", "for _, c := range d.Rec.Copies[:0] {"}, {replica, `			p.backups = append(p.backups, n)
			p.claim = true`, `			p.backups = append(p.backups, n)`}}, copies,
	},
	{
		"C1", "a copy from before its node's present epoch is not trusted",
		[]edit{{quorum, "!rec.Unsettled && InEpoch(rec, node, present)", "!rec.Unsettled"}}, copies,
	},
	{
		"H2", "a copy that is missing, or from before its node's present epoch, is healed",
		[]edit{{replica, "Heal: a.misplaced(rec)", "Heal: false"}}, copies,
	},
	{
		"H1", "a copy on a node with another epoch is healed, not only one on a node that is down",
		[]edit{{replica, "return !known || !n.Available() || n.Epoch() != c.Epoch", "return !known || !n.Available()"}}, copies,
	},
	{
		"W21", "tombstones are healed, too",
		[]edit{{replica, "case gone && (!d.Heal || !d.Rec.Tombstone):", "case gone:"}}, copies,
	},
	{
		"W19", "a logout leaves a tombstone",
		[]edit{{replica, "	bases := NewResults[*record.Record](a)\n", "	bases := NewResults[*record.Record](a)\n	if last == nil {\n		return nil\n	}\n"}}, copies,
	},
	{
		"W20", "a tombstone outlives every request that began before it",
		[]edit{{replica, "	return end\n", "	return a.store.Clock().Add(time.Millisecond)\n"}}, copies,
	},
	{
		"W22", "a logout ends old copies on nodes that hold none",
		[]edit{{replica, "	a.bury(context.WithoutCancel(ctx), dead)\n", ""}}, unit("TestALogoutEndsWhatASessionLeftBehind", "internal/replica"),
	},
	{
		"M6", "a logout tells whoever reaches a node that it does not",
		[]edit{{replica, "	a.announce(context.WithoutCancel(ctx), ended, dead, servers)\n", ""}}, copies,
	},
	{
		"C8", "what was found in doubt is on every copy before it is shown",
		[]edit{{replica, "case d.Heal && (d.Unsafe || d.Rec.Tombstone):", "case d.Heal && d.Rec.Tombstone:"}}, copies,
	},
	{
		"C4", "a record that does not descend from what its home answered is a failed attempt",
		[]edit{{quorum, "if s.descends(c.Rec) {", "if true {"}}, copies.in("a copy is evicted among many writers"),
	},
	{
		"C6", "an attempt that did not get to all its copies comes after others of its term",
		[]edit{{quorum, "v.superseded(than.Rec); x != y {", "v.superseded(than.Rec); x != y && false {"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C6", "only what a node has kept since speaks against a record",
		[]edit{{quorum, "c.Rec != nil && InEpoch(rec, n.ID, n.Epoch) && like", "c.Rec != nil && n.ID != \"\" && like"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C6", "an attempt on its way to a home that can tell may be finished",
		[]edit{{quorum, "home.Rec == nil && shown.Rank().Before(rec.Rank())", "(home.Rec == nil || true) && shown.Rank().Before(rec.Rank())"}}, copies,
	},
	{
		"C6", "of two writes of one version, that which the other one's nodes have comes first",
		[]edit{{quorum, "x.Version == y.Version && x.LastWrite() != y.LastWrite()", "false"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C17", "a session is gone only if its home has missed a second time",
		[]edit{{replica, "if seen, err = a.confirmAbsence(ctx, seen); err != nil {", "if err = ErrNoSession; err != nil {"}}, copies,
	},
	{
		"W9", "a request's changes are applied once: its id is kept in the record",
		[]edit{{replica, "applied = HasRequest(rec, request)", "applied = false"}}, copies,
	},
	{
		"E14", "the client is told of a claim, also if its cookie's node stays",
		[]edit{{replica, "a.moved = a.moved || d.Claim\n	if err", "a.moved = false\n	if err"}}, copies.in("two nodes, one fault"),
	},
	{
		"W7", "after a conflict every node is asked",
		[]edit{{replica, "a.looks.decision, a.looks.readAll = nil, true", "a.looks.decision, a.looks.readAll = nil, false"}}, copies,
	},
	{
		"C7", "a silent home's session is claimed by another node before it is served",
		[]edit{{quorum, "d.Home = best.Node", "d.Heal, d.Unsafe = false, false"}, {quorum, "if !answered || last > d.Term {", "if last > d.Term {"}}, copies,
	},
	{
		"C15", "no answer is not the same as no session",
		[]edit{{replica, `	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")`, `	if len(seen) == 0 {
		return nil, ErrNoSession`}}, copies,
	},
	{
		"C13", "with two nodes silent a copy that may be old is not believed",
		[]edit{{quorum, "(v.silent() <= most || v.inEpoch(best)) && ", ""}}, unit("TestACopyThatMayBeOldIsNotBelieved", "internal/replica"),
	},
	{
		"C14", "with both nodes of a session silent a backup's copy is not believed, however fresh",
		[]edit{{quorum, " && (v.late() <= most || v.sure(best))", ""}}, unit("TestAFailedAttemptLooksFresh", "internal/replica"),
	},
	{
		"C22", "an instance that stood still goes on without no node before it has looked",
		[]edit{{replica, "	if decided(err) && a.stalled() {\n", "	if false {\n"}}, unit("TestRequestsOfAnInstanceThatStoodStill", "internal/replica"),
	},
	{
		"C21", "a node that ran out of time, and was looked at since, is asked again",
		[]edit{{replica, " || decided(err) && a.hasty()) &&", ") &&"}}, unit("TestRequestsOfAnInstanceThatStoodStill", "internal/replica"),
	},
	{
		"W6", "a backup that has lost its copy is a conflict",
		[]edit{{replica, "named && !w.to.claim {", "named && false {"}}, unit("TestASlowRequestBringsNoLogoutBack", "internal/replica"),
	},
	{
		"W11", "who refuses to go on from what may be on one node only settles it",
		[]edit{{replica, "	_, _, _ = a.put(ctx, d, nil)\n	return nil, done, why\n", "	return nil, done, why\n"}}, unit("TestAWriterThatWasKilled", "internal/replica"),
	},
	{
		"W11", "who has a lock goes on from what he saw, and not from the attempt of who was killed",
		[]edit{{replica, "if _, err := a.next(before, change); err == nil {", "if false {"}}, unit("TestAWriterThatWasKilled", "internal/replica"),
	},
	{
		"W10", "a write is not repeated when its traces may be forgotten",
		[]edit{{replica, "now.Sub(o.began) > maxWrite ||", ""}}, unit("TestAWriteOfWhoStoodStill", "internal/replica"),
	},
	{
		"C1", "that a session is over is believed when all nodes were asked",
		[]edit{{replica, " && !rec.Expired(a.store.Clock())", ""}}, unit("TestAUseThatTheHomeDidNotTake", "internal/replica"),
	},
	{
		"W9", "who ends a session sees what has ended, whichever attempt that was",
		[]edit{{replica, "	if last != nil && ended != seen {", "	if false {"}}, unit("TestALogoutSeesWhatItHasEnded", "internal/replica"),
	},
	{
		"C16", "a session is not gone of which all nodes fail after it was read there",
		[]edit{{quorum, "if best == nil && v.onlySilent(v.Met) {", "if false {"}}, unit("TestTheOnlyNodeOfASessionFails", "internal/replica"),
	},
	{
		"H7", "what a node missed last is brought to it although it has lost everything",
		[]edit{{replica, "if time.Since(x.at) > unlisted {", "if !x.at.IsZero() {"}}, unit("TestANodeThatHasLostEverything", "internal/replica"),
	},
	{
		"H7", "but not what it missed before, which a refill does",
		[]edit{{replica, "if time.Since(x.at) > unlisted {", "if x.at.IsZero() {"}}, unit("TestANodeThatHasLostEverything", "internal/replica"),
	},
	{
		"W10", "but a logout is, for a session may end twice",
		[]edit{{replica, "return o.kind != ending && o.attempt > 0", "return o.attempt > 0"}}, unit("TestALogoutOfWhoStoodStill", "internal/replica"),
	},
	{
		"W10", "nor when so many others came after it that they are",
		[]edit{{replica, " || o.forgotten(top)", ""}}, unit("TestAWriteOfWhoStoodStill", "internal/replica"),
	},
	{
		"R8", "a tombstone outlives copies that had longer to live",
		[]edit{{replica, "	next.Outlasts(d.Rec, a.store.Clock())\n", ""}}, unit("TestALogoutOutlivesALongerLife", "internal/replica"),
	},
	{
		"R7", "a record remembers the last one of each term",
		[]edit{{replica, "		next.EndTerm(d.Rec.Rank())\n", ""}}, unit("TestAnOldCookieLosesNothing", "internal/local"),
	},
	{
		"C13", "a record of more backups than are configured is believed when one node is silent",
		[]edit{{quorum, "max(v.Backups, len(rec.Copies)-1)", "v.Backups"}}, unit("TestASessionOfMoreBackups", "internal/replica"),
	},
	{
		"H4", "what is stale on a node is not believed",
		[]edit{{replica, " && !a.store.hints.has(n, a.key)", ""}}, unit("TestHints", "internal/replica"),
	},
	{
		"H6", "a node gets what changed without it",
		[]edit{{replica, "		if err := s.cover(ctx, at, key, rec); err != nil {\n			return err\n		}\n", ""}}, unit("TestHints", "internal/replica"),
	},
	{
		"H6", "a node that is back gets the copies that are missing",
		[]edit{{replica, "s.copyMissing(rec) || d.Uneven()); try++", "false); try++"}, {replica, "d.Claim || rec.Unsettled || ", ""}}, unit("TestADeliveryBringsTheCopyThatIsMissing", "internal/replica"),
	},
	{
		"H7", "what is remembered of a node is bounded",
		[]edit{{replica, "			n.MarkStale()\n			return\n", ""}}, unit("TestTooMuchIsOwed", "internal/replica"),
	},
	{
		"W16", "a use is recorded, also if a node fails just then",
		[]edit{{replica, "		a.restart(out)\n	}\n}\n", "		return due, nil\n	}\n}\n"}}, unit("TestAUseIsRecordedWhateverFails", "internal/replica"),
	},
	{
		"C16", "with two nodes silent no session is gone",
		[]edit{{quorum, "if v.silent() > max(1, v.Backups) || v.hidden(nil) {", "if false {"}}, copies,
	},
	{
		"C16", "who knows that a node lacks a session does not take its word that there is none",
		[]edit{{quorum, "case best == nil && v.anyMayReturn():", "case false:"}}, unit("TestTheOnlyCopyIsNotGone", "internal/replica"),
	},
	{
		"C5", "a claim that came too late is none",
		[]edit{{quorum, "return v.tooLate(than, c)", "return false"}, {quorum, "return !v.tooLate(c, than)", "return true"}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"C5", "a claim can come too late only for the term that it has left",
		[]edit{{quorum, "claim.Rec.Base().Term > than.Rec.Term || ", ""}}, unit("TestAnAttemptThatAClaimHasLeftBehind", "internal/replica"),
	},
	{
		"R5", "what a record would remember, and does not, it does not descend from",
		[]edit{{"internal/record/stamps.go", "	return n >= keptWrites || ", "	return true || "}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"C1", "a claim is looked at everywhere before it is finished",
		[]edit{{quorum, "!rec.Unsettled && InEpoch(rec, node, present)", "InEpoch(rec, node, present)"}}, unit("TestAClaimThatWasLeftHalfWay", "internal/replica"),
	},
	{
		"H5", "an attempt is taken back where no copy is",
		[]edit{{replica, "slices.Concat(a.op.skipped, a.op.touched)", "slices.Concat(a.op.skipped)"}}, unit("TestAnAttemptIsTakenBackWhereNoCopyIs", "internal/replica"),
	},
	{
		"W14", "what a node refuses by its size is taken back",
		[]edit{{replica, "		w.undo(ctx)\n", ""}}, unit("TestASessionTooLargeForANode", "internal/replica"),
	},
	{
		"H6", "a node gets that a session has ended by itself",
		[]edit{{replica, "!has || over {", "!has && !over {"}}, unit("TestASessionThatHasEndedIsDelivered", "internal/replica"),
	},
	{
		"H6", "a write that got half way is settled when its nodes are back",
		[]edit{{replica, " || d.Uneven()", ""}}, unit("TestAWriteThatGotHalfWayIsSettled", "internal/replica"),
	},
	{
		"C5", "a settled record on its home is never too late",
		[]edit{{quorum, "if claim.onHome() && !claim.Rec.Unsettled {", "if false {"}, {quorum, "if than.onHome() && !than.Rec.Unsettled {", "if than.onHome() {"}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"C5", "a claim misses what is of a term that it has passed over",
		[]edit{{"internal/record/past.go", "return len(r.Past) > 0 && r.Base().Term < rank.Term && rank.Term < r.Term", "return false"}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"M8", "a logout tells whom an older copy names, too",
		[]edit{{replica, "append(a.looks.seen.Records(), rec)", "append(a.looks.seen.Records()[:0], rec)"}}, unit("TestALogoutTellsWhoServesTheSession", "internal/replica"),
	},
	{
		"C22", "without backups memory is not stored elsewhere because its node has run out of time",
		[]edit{{quorum, "case v.Backups == 0 && n.ID == v.First &&", "case false &&"}}, unit("TestWhoStoodStillStoresNothingElsewhere", "internal/replica"),
	},
	{
		"W2", "a claim is written last where an attempt lies that it passes over",
		[]edit{{replica, "	to.putLast(next, d.Seen)\n", ""}}, unit("TestAnAttemptThatIsPassedOverTooSoon", "internal/replica"),
	},
	{
		"H4", "a node that has what is stored in the end is owed nothing",
		[]edit{{replica, "Copy(n.ID()); has {", "Copy(n.ID()); has && false {"}}, unit("TestAWriteThatIsDoneInTheEnd", "internal/replica"),
	},
	{
		"H4", "a node that is written again is owed nothing any more",
		[]edit{{replica, "		w.settle(owed)\n", "		_ = owed\n"}}, unit("TestANodeThatIsWrittenAgain", "internal/replica"),
	},
	{
		"H4", "a write that fails at the only copy is no reason not to believe that",
		[]edit{{replica, "if !w.onlyAt(n) {", "if true {"}}, unit("TestAWriteThatFailsAtTheOnlyCopy", "internal/replica"),
	},
	{
		"C13", "an old copy on a node that is owed the session is not believed while another node is silent",
		[]edit{{quorum, " && !v.hidden(best.Rec)", ""}}, unit("TestAnOldCopyBesideASilentNode", "internal/replica"),
	},
	{
		"C13", "a node that has been silent for long hides nothing any more",
		[]edit{{quorum, "soon = soon || listed && v.mayReturn(n)", "soon = soon || listed && n.ID != \"\""}}, unit("TestAnOldCopyBesideASilentNode", "internal/replica"),
	},
	{
		"H6", "what cannot be delivered keeps nothing else from being delivered",
		[]edit{{replica, "				_ = c.store.Deliver(c.store.Random.As(ctx, \"owed to\", n.ID(), key), n, key) // what fails stays owed\n				if !n.Available() {", "				if c.store.Deliver(c.store.Random.As(ctx, \"owed to\", n.ID(), key), n, key) != nil {"}}, unit("TestWhatCannotBeDelivered", "internal/replica"),
	},
	{
		"H11", "what is owed to a node that leaves the list is not forgotten",
		[]edit{{replica, "		s.strangers.add(record.Copy{Node: n.ID(), Epoch: d.epoch})\n", ""}}, unit("TestANodeThatLeavesTheList", "internal/replica"),
	},
	{
		"C3", "a full look asks all nodes at once",
		[]edit{{replica, "wg.Go(func() { answers[i] = a.ask(ctx, n, true) })", "answers[i] = a.ask(ctx, n, true)"}}, unit("TestAFullLookAsksAtOnce", "internal/replica"),
	},
	{
		"C21", "a request waits for a node that was in use a moment ago",
		[]edit{{"internal/replica/look.go", "	a.store.Cluster.AwaitNode(ctx, a.store.Patience)\n", ""}}, unit("TestARequestWaitsForANode", "internal/replica"),
	},
	{
		"C21", "no request waits when all nodes have been away for longer",
		[]edit{{cluster, " || !c.hopes()", ""}}, unit("TestARequestWaitsForANode", "internal/replica"),
	},
}
