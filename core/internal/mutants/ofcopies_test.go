package mutants

// The simulation of replicas, clusters and nodes.
var copies = layer{name: "simulation of copies", folder: "internal/sim/copies", test: "TestSeed", seeds: 10000}

// The packages that most edits are in.
const (
	msm       = "."
	replica   = "internal/replica"
	quorum    = "internal/quorum"
	local     = "internal/local"
	mailbox   = "internal/mailbox"
	keyqueue  = "internal/keyqueue"
	cluster   = "internal/cluster"
	peers     = "internal/peers"
	repair    = "internal/repair"
	lock      = "internal/lock"
	node      = "internal/node"
	memcache  = "internal/memcache"
	principal = "internal/principal"
)

// ofCopies are rules of package replica about what is written, repaired and told.
var ofCopies = []mutant{
	{
		"W5", "the home is written only over what was read there",
		[]edit{{replica, "	out, err := w.storeOn(ctx, n, c)", `	there, _ := n.Get(ctx, w.access.key)
	out, err := w.storeOn(ctx, n, quorum.CopyState{Token: there.Token, Epoch: n.Epoch()})`}}, copies,
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
		"W2", "a claim is unsettled until a plain write",
		[]edit{{replica, "next.Unsettled = to.claim && len(to.backups) > 0", "next.Unsettled = false"}}, unit("TestAHalfClaimThatWasReadStays", "internal/replica"),
	},
	{
		"W4", "writers use the backups that the record names",
		[]edit{{replica, "for _, c := range d.Rec.Copies {", "for _, c := range d.Rec.Copies[:0] {"}, {replica, `			p.backups = append(p.backups, n)
			p.claim = true`, `			p.backups = append(p.backups, n)`}}, copies,
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
		"W6", "a backup that has lost its copy is a conflict",
		[]edit{{replica, "named && !w.to.claim {", "named && false {"}}, unit("TestASlowRequestBringsNoLogoutBack", "internal/replica"),
	},
	{
		"W11", "who refuses to go on from what may be on one node only settles it",
		[]edit{{replica, "	_, _, _ = a.apply(ctx, d, nil)\n	return nil, done, why\n", "	return nil, done, why\n"}}, unit("TestAWriterThatWasKilled", "internal/replica"),
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
		"W9", "who ends a session sees what has ended, whichever attempt that was",
		[]edit{{replica, "	if last != nil && ended != seen {", "	if false {"}}, unit("TestALogoutSeesWhatItHasEnded", "internal/replica"),
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
		"C1", "what a node had is not believed if it was owed something when it was asked",
		[]edit{{replica, ", Debt: a.store.hints.debt(n, a.key)}}", "}}"}}, unit("TestAReadThatADeliveryOvertakes", "internal/replica"),
	},
	{
		"C2", "what a node had is compared if it was doubted when it was asked",
		[]edit{{replica, "doubted || home.Doubted()", "doubted && home.Doubted()"}}, unit("TestAReadThatOutlastsADoubt", "internal/replica"),
	},
	{
		"H4", "what is stale on a node is not believed",
		[]edit{{replica, " && !c.Debt.Owed && !a.store.hints.has(n, a.key)", ""}}, unit("TestHints", "internal/replica"),
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
		"M8", "a logout tells whom an older copy names, too",
		[]edit{{replica, "append(a.looks.seen.Records(), rec)", "append(a.looks.seen.Records()[:0], rec)"}}, unit("TestALogoutTellsWhoServesTheSession", "internal/replica"),
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
		"H6", "what cannot be delivered keeps nothing else from being delivered",
		[]edit{{replica, "				_ = c.store.Deliver(c.store.Random.As(ctx, \"owed to\", n.ID(), key), n, key) // what fails stays owed\n				if !n.Available() {", "				if c.store.Deliver(c.store.Random.As(ctx, \"owed to\", n.ID(), key), n, key) != nil {"}}, unit("TestWhatCannotBeDelivered", "internal/replica"),
	},
	{
		"H11", "what is owed to a node that leaves the list is not forgotten",
		[]edit{{replica, "		s.strangers.add(record.Copy{Node: n.ID(), Epoch: d.epoch})\n", ""}}, unit("TestANodeThatLeavesTheList", "internal/replica"),
	},
}
