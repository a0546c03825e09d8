package mutants

// The simulation of replicas, clusters and nodes.
var copies = layer{name: "simulation of copies", folder: "internal/sim/copies", test: "TestSeed", seeds: 10000}

const (
	save    = "internal/replica/save.go"
	load    = "internal/replica/load.go"
	write   = "internal/replica/write.go"
	choose  = "internal/replica/choose.go"
	hints   = "internal/replica/hints.go"
	destroy = "internal/replica/destroy.go"
)

// ofCopies are rules of package replica.
var ofCopies = []mutant{
	{
		"the home is written only over what was read there",
		[]edit{{save, "	out, err := w.put(ctx, n, s)", `	there, _ := n.Get(ctx, w.access.key)
	out, err := w.put(ctx, n, sighting{token: there.Token, epoch: n.Epoch()})`}}, copies,
	},
	{
		"a token says nothing in another life of its node",
		[]edit{{"internal/replica/replica.go", "s.token != 0 && s.epoch != n.Epoch()", "false"}}, unit("TestATokenOfAnotherLife", "internal/replica"),
	},
	{
		"who is about to write over a home looks whether it is in another life",
		[]edit{{save, "if w.claim && s.token != 0 {", "if false {"}}, unit("TestATokenOfAnotherLife", "internal/replica"),
	},
	{
		"a stale copy that is read damaged goes on being owed what is newer",
		[]edit{{"internal/replica/damaged.go", "		return node.Item{}, node.ErrGarbled\n", "		return item, nil\n"}}, unit("TestAStaleCopyThatIsReadDamaged", "internal/replica"),
	},
	{
		"what is read damaged is not written over unread",
		[]edit{{load, "if err == nil && got.rec == nil && got.err == nil {", "if false {"}, {"internal/replica/damaged.go", "	if item, err = readAgain(ctx, n, key, item); err != nil {\n		return item, there, err\n	}\n", ""}}, unit("TestWhatIsReadDamagedIsNotWrittenOver", "internal/replica"),
	},
	{
		"a session that was ended before it was stored is gone",
		[]edit{{"internal/replica/create.go", "errors.Is(err, errBuried) || ", ""}}, unit("TestASessionThatHasEndedBeforeItIsStored", "internal/replica"),
	},
	{
		"a backup is written only over what the request knows of",
		[]edit{{save, "	case w.outranked(there):\n", "	case w.outranked(there) && false:\n"}}, copies,
	},
	{
		"a plain write goes to the backups before the home",
		[]edit{{save, `	if w.claim {
		if out,`, `	if true {
		if out,`}}, copies,
	},
	{
		"a claim goes to the home before the backups",
		[]edit{{save, `	if w.claim {
		if out,`, `	if false {
		if out,`}}, copies,
	},
	{
		"a write is acknowledged when the backups have it",
		[]edit{{save, `	if out, err := w.backups(ctx, others); out != done || err != nil {
		return out, err
	}
	return w.home(ctx, lay.home)`, `	go func() { _, _ = w.backups(ctx, others) }()
	return w.home(ctx, lay.home)`}}, copies,
	},
	{
		"a write that a backup did not answer is done again with another one",
		[]edit{{save, "if out, err := w.backup(ctx, n); out != done || err != nil {", "if out, err := w.backup(ctx, n); out == conflict || err != nil {"}}, copies,
	},
	{
		"other backups are a claim, with the next term",
		[]edit{{save, `			a.store.strangers.add(c)
		}
		lay.claim = true`, `			a.store.strangers.add(c)
		}`}, {save, `			lay.backups = append(lay.backups, n)
			lay.claim = true`, `			lay.backups = append(lay.backups, n)`}}, copies,
	},
	{
		"another home is a claim, with the next term",
		[]edit{{choose, "f.term, f.claim = last+1, true", "f.term, f.claim = last, true"}}, copies,
	},
	{
		"a claim is unsettled until a plain write",
		[]edit{{save, "next.Unsettled = lay.claim && len(lay.backups) > 0", "next.Unsettled = false"}}, unit("TestAHalfClaimThatWasReadStays", "internal/replica"),
	},
	{
		"writers use the backups that the record names",
		[]edit{{save, "for _, c := range f.rec.Copies {", "for _, c := range f.rec.Copies[:0] {"}, {save, `			lay.backups = append(lay.backups, n)
			lay.claim = true`, `			lay.backups = append(lay.backups, n)`}}, copies,
	},
	{
		"a copy from before its node's present epoch is not trusted",
		[]edit{{load, "!rec.Unsettled && inEpoch(rec, n)", "!rec.Unsettled"}}, copies,
	},
	{
		"a copy that is missing, or from before its node's present epoch, is healed",
		[]edit{{load, "heal: a.misplaced(rec)", "heal: false"}}, copies,
	},
	{
		"a copy on a node with another epoch is healed, not only one on a node that is down",
		[]edit{{load, "if !known || !n.Available() || n.Epoch() != c.Epoch {\n			return true\n		}\n	}\n	return len", "if !known || !n.Available() {\n			return true\n		}\n	}\n	return len"}}, copies,
	},
	{
		"tombstones are healed, too",
		[]edit{{write, "case gone && (!f.heal || !f.rec.Tombstone):", "case gone:"}}, copies,
	},
	{
		"a logout leaves a tombstone",
		[]edit{{destroy, "	a.destroying = true\n", "	if a.destroying = true; last == nil {\n		return nil\n	}\n"}}, copies,
	},
	{
		"a tombstone outlives every request that began before it",
		[]edit{{save, "	return end\n", "	return a.store.Clock().Add(time.Millisecond)\n"}}, copies,
	},
	{
		"a logout ends old copies on nodes that hold none",
		[]edit{{destroy, "	a.bury(context.WithoutCancel(ctx), dead)\n", ""}}, unit("TestALogoutEndsWhatASessionLeftBehind", "internal/replica"),
	},
	{
		"a logout tells whoever reaches a node that it does not",
		[]edit{{destroy, "	a.announce(context.WithoutCancel(ctx), ended, dead)\n", ""}}, copies,
	},
	{
		"what was found in doubt is on every copy before it is shown",
		[]edit{{load, "case f.heal && (f.unsafe || f.rec.Tombstone):", "case f.heal && f.rec.Tombstone:"}}, copies,
	},
	{
		"a record that does not descend from what its home answered is a failed attempt",
		[]edit{{choose, "if descends(s.rec, seen) {", "if true {"}}, copies.in("a copy is evicted among many writers"),
	},
	{
		"an attempt that did not get to all its copies comes after others of its term",
		[]edit{{choose, "a.refuted(than.rec, seen); x != y {", "a.refuted(than.rec, seen); x != y && false {"}}, copies.in("two of three nodes lose all"),
	},
	{
		"only what a node has kept since speaks against a record",
		[]edit{{choose, "s.rec != nil && inEpoch(rec, n) && like", "s.rec != nil && n != nil && like"}}, copies.in("two of three nodes lose all"),
	},
	{
		"an attempt on its way to a home that can tell may be finished",
		[]edit{{choose, "home.rec == nil && shown.Rank().Before(rec.Rank())", "(home.rec == nil || true) && shown.Rank().Before(rec.Rank())"}}, copies,
	},
	{
		"of two writes of one version, that which the other one's nodes have comes first",
		[]edit{{choose, "x.Version == y.Version && x.LastWrite() != y.LastWrite()", "false"}}, copies.in("two of three nodes lose all"),
	},
	{
		"a session is gone only if its home has missed a second time",
		[]edit{{load, "if seen, err = a.askAgain(ctx, seen); err != nil {", "if err = ErrNoSession; err != nil {"}}, copies,
	},
	{
		"a request's changes are applied once: its id is kept in the record",
		[]edit{{write, "applied = HasRequest(rec, a.request)", "applied = false"}}, copies,
	},
	{
		"the client is told of a claim, also if its cookie's node stays",
		[]edit{{write, "a.moved = a.moved || f.claim\n	if err", "a.moved = false\n	if err"}}, copies.in("two nodes, one fault"),
	},
	{
		"after a conflict every node is asked",
		[]edit{{write, "a.found, a.thorough = nil, true", "a.found, a.thorough = nil, false"}}, copies,
	},
	{
		"a silent home's session is claimed by another node before it is served",
		[]edit{{choose, "f.home = best.node", "f.heal, f.unsafe = false, false"}, {choose, "if !answered || last > f.term {", "if last > f.term {"}}, copies,
	},
	{
		"no answer is not the same as no session",
		[]edit{{load, `	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")`, `	if len(seen) == 0 {
		return nil, ErrNoSession`}}, copies,
	},
	{
		"with two nodes silent a copy that may be old is not believed",
		[]edit{{choose, "a.silent(seen) > most && !a.inEpoch(best) || ", ""}}, unit("TestACopyThatMayBeOldIsNotBelieved", "internal/replica"),
	},
	{
		"with both nodes of a session silent a backup's copy is not believed, however fresh",
		[]edit{{choose, " || a.late(seen) > most && !a.sure(best)", ""}}, unit("TestAFailedAttemptLooksFresh", "internal/replica"),
	},
	{
		"an instance that stood still goes on without no node before it has looked",
		[]edit{{load, "	if decided(err) && a.stalled() {\n", "	if false {\n"}}, unit("TestRequestsOfAnInstanceThatStoodStill", "internal/replica"),
	},
	{
		"a node that ran out of time, and was looked at since, is asked again",
		[]edit{{load, " || decided(err) && a.hasty()) &&", ") &&"}}, unit("TestRequestsOfAnInstanceThatStoodStill", "internal/replica"),
	},
	{
		"a backup that has lost its copy is a conflict",
		[]edit{{save, "named && !w.claim {", "named && false {"}}, unit("TestASlowRequestBringsNoLogoutBack", "internal/replica"),
	},
	{
		"who refuses to go on from what may be on one node only settles it",
		[]edit{{write, "	_, _, _ = a.put(ctx, f, nil)\n	return nil, done, why\n", "	return nil, done, why\n"}}, unit("TestAWriterThatWasKilled", "internal/replica"),
	},
	{
		"who has a lock goes on from what he saw, and not from the attempt of who was killed",
		[]edit{{write, "if _, err := a.next(before, change); err == nil {", "if false {"}}, unit("TestAWriterThatWasKilled", "internal/replica"),
	},
	{
		"a write is not repeated when its traces may be forgotten",
		[]edit{{write, "a.store.Clock().Sub(a.began) > maxWrite ||", ""}}, unit("TestAWriteOfWhoStoodStill", "internal/replica"),
	},
	{
		"that a session is over is believed when all nodes were asked",
		[]edit{{load, " && !answer.rec.Expired(a.store.Clock())", ""}}, unit("TestAUseThatTheHomeDidNotTake", "internal/replica"),
	},
	{
		"who ends a session sees what has ended, whichever attempt that was",
		[]edit{{destroy, "	if last != nil && ended != seen {", "	if false {"}}, unit("TestALogoutSeesWhatItHasEnded", "internal/replica"),
	},
	{
		"a session is not gone of which all nodes fail after it was read there",
		[]edit{{load, " || a.metElsewhere(seen) {", " {"}}, unit("TestTheOnlyNodeOfASessionFails", "internal/replica"),
	},
	{
		"what a node missed last is brought to it although it has lost everything",
		[]edit{{hints, "if time.Since(x.at) > unlisted {", "if !x.at.IsZero() {"}}, unit("TestANodeThatHasLostEverything", "internal/replica"),
	},
	{
		"but not what it missed before, which a refill does",
		[]edit{{hints, "if time.Since(x.at) > unlisted {", "if x.at.IsZero() {"}}, unit("TestANodeThatHasLostEverything", "internal/replica"),
	},
	{
		"but a logout is, for a session may end twice",
		[]edit{{write, "return !a.destroying && a.tried > 0", "return a.tried > 0"}}, unit("TestALogoutOfWhoStoodStill", "internal/replica"),
	},
	{
		"nor when so many others came after it that they are",
		[]edit{{write, " || a.forgotten(f)", ""}}, unit("TestAWriteOfWhoStoodStill", "internal/replica"),
	},
	{
		"a tombstone outlives copies that had longer to live",
		[]edit{{save, "	next.Outlasts(f.rec, a.store.Clock())\n", ""}}, unit("TestALogoutOutlivesALongerLife", "internal/replica"),
	},
	{
		"a record remembers the last one of each term",
		[]edit{{save, "		next.EndTerm(f.rec.Rank())\n", ""}}, unit("TestAnOldCookieLosesNothing", "internal/local"),
	},
	{
		"a record of more backups than are configured is believed when one node is silent",
		[]edit{{choose, "max(a.store.Backups, len(rec.Copies)-1)", "a.store.Backups"}}, unit("TestASessionOfMoreBackups", "internal/replica"),
	},
	{
		"what is stale on a node is not believed",
		[]edit{{load, " && !a.store.hints.has(n, a.key)\n}\n\n// confirmed", "\n}\n\n// confirmed"}}, unit("TestHints", "internal/replica"),
	},
	{
		"a node gets what changed without it",
		[]edit{{hints, "		if err := s.cover(ctx, at, key, rec); err != nil {\n			return err\n		}\n", ""}}, unit("TestHints", "internal/replica"),
	},
	{
		"a node that is back gets the copies that are missing",
		[]edit{{hints, "a.copyMissing(rec) || f.uneven()); try++", "false); try++"}, {hints, "f.claim || rec.Unsettled || ", ""}}, unit("TestHints", "internal/replica"),
	},
	{
		"what is remembered of a node is bounded",
		[]edit{{hints, "			n.Replace()\n			return\n", ""}}, unit("TestTooMuchIsOwed", "internal/replica"),
	},
	{
		"a use is recorded, also if a node fails just then",
		[]edit{{write, "		a.startAgain(out)\n	}\n}\n", "		return due, nil\n	}\n}\n"}}, unit("TestAUseIsRecordedWhateverFails", "internal/replica"),
	},
	{
		"with two nodes silent no session is gone",
		[]edit{{load, "if a.mute(seen) > max(1, a.store.Backups) || a.metElsewhere(seen) {", "if false {"}}, copies,
	},
	{
		"who knows that a node lacks a session does not take its word that there is none",
		[]edit{{load, "s.rec == nil && a.store.hints.has(at, a.key)", "false && at == nil"}}, unit("TestTheOnlyCopyIsNotGone", "internal/replica"),
	},
	{
		"a claim that came too late is none",
		[]edit{{choose, "return a.tooLate(than, s, seen)", "return false"}, {choose, "return !a.tooLate(s, than, seen)", "return true"}}, unit("TestChoose", "internal/replica"),
	},
	{
		"a claim can come too late only for the term that it has left",
		[]edit{{choose, "claim.rec.Base().Term != than.rec.Term || ", ""}}, unit("TestAnAttemptThatAClaimHasLeftBehind", "internal/replica"),
	},
	{
		"what a record would remember, and does not, it does not descend from",
		[]edit{{"internal/record/stamps.go", "	return n >= keptWrites || ", "	return true || "}}, unit("TestChoose", "internal/replica"),
	},
	{
		"a claim is looked at everywhere before it is finished",
		[]edit{{load, "!rec.Unsettled && inEpoch(rec, n)", "inEpoch(rec, n)"}}, unit("TestAClaimThatWasLeftHalfWay", "internal/replica"),
	},
	{
		"an attempt is taken back where no copy is",
		[]edit{{hints, "		a.without(n)\n	}\n	for _, n := range a.lacks", "	}\n	for _, n := range a.lacks"}}, unit("TestAnAttemptIsTakenBackWhereNoCopyIs", "internal/replica"),
	},
	{
		"what a node refuses by its size is taken back",
		[]edit{{save, "		w.undo(ctx, lay)\n", ""}}, unit("TestASessionTooLargeForANode", "internal/replica"),
	},
	{
		"a node gets that a session has ended by itself",
		[]edit{{hints, "!has || over {", "!has && !over {"}}, unit("TestASessionThatHasEndedIsDelivered", "internal/replica"),
	},
	{
		"a write that got half way is settled when its nodes are back",
		[]edit{{hints, " || f.uneven()", ""}}, unit("TestAWriteThatGotHalfWayIsSettled", "internal/replica"),
	},
}
