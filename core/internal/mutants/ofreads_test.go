package mutants

// ofReads are rules of package replica, and of records, about which copy is believed.
var ofReads = []mutant{
	{
		"C9", "a stale copy that is read damaged goes on being owed what is newer",
		[]edit{{replica, "		return node.Item{}, node.ErrGarbled\n", "		return item, nil\n"}}, unit("TestAStaleCopyThatIsReadDamaged", "internal/replica"),
	},
	{
		"C9", "what is read damaged is not written over unread",
		[]edit{{replica, "if err == nil && got.rec == nil && got.err == nil {", "if false {"}, {replica, "	if item, err = readAgain(ctx, n, key, item); err != nil {\n		return item, there, err\n	}\n", ""}}, unit("TestWhatIsReadDamagedIsNotWrittenOver", "internal/replica"),
	},
	{
		"C7", "another home is a claim, with the next term",
		[]edit{{replica, "f.term, f.claim = last+1, true", "f.term, f.claim = last, true"}}, copies,
	},
	{
		"C1", "a copy from before its node's present epoch is not trusted",
		[]edit{{replica, "!rec.Unsettled && inEpoch(rec, n)", "!rec.Unsettled"}}, copies,
	},
	{
		"C8", "what was found in doubt is on every copy before it is shown",
		[]edit{{replica, "case f.heal && (f.unsafe || f.rec.Tombstone):", "case f.heal && f.rec.Tombstone:"}}, copies,
	},
	{
		"C4", "a record that does not descend from what its home answered is a failed attempt",
		[]edit{{replica, "if descends(s.rec, seen) {", "if true {"}}, copies.in("a copy is evicted among many writers"),
	},
	{
		"C6", "an attempt that did not get to all its copies comes after others of its term",
		[]edit{{replica, "a.refuted(than.rec, seen); x != y {", "a.refuted(than.rec, seen); x != y && false {"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C6", "only what a node has kept since speaks against a record",
		[]edit{{replica, "s.rec != nil && inEpoch(rec, n) && like", "s.rec != nil && n != nil && like"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C6", "an attempt on its way to a home that can tell may be finished",
		[]edit{{replica, "home.rec == nil && shown.Rank().Before(rec.Rank())", "(home.rec == nil || true) && shown.Rank().Before(rec.Rank())"}}, copies,
	},
	{
		"C6", "of two writes of one version, that which the other one's nodes have comes first",
		[]edit{{replica, "x.Version == y.Version && x.LastWrite() != y.LastWrite()", "false"}}, copies.in("two of three nodes lose all"),
	},
	{
		"C17", "a session is gone only if its home has missed a second time",
		[]edit{{replica, "if seen, err = a.askAgain(ctx, seen); err != nil {", "if err = ErrNoSession; err != nil {"}}, copies,
	},
	{
		"C7", "a silent home's session is claimed by another node before it is served",
		[]edit{{replica, "f.home = best.node", "f.heal, f.unsafe = false, false"}, {replica, "if !answered || last > f.term {", "if last > f.term {"}}, copies,
	},
	{
		"C15", "no answer is not the same as no session",
		[]edit{{replica, `	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")`, `	if len(seen) == 0 {
		return nil, ErrNoSession`}}, copies,
	},
	{
		"C13", "with two nodes silent a copy that may be old is not believed",
		[]edit{{replica, "a.silent(seen) > most && !a.inEpoch(best) || ", ""}}, unit("TestACopyThatMayBeOldIsNotBelieved", "internal/replica"),
	},
	{
		"C14", "with both nodes of a session silent a backup's copy is not believed, however fresh",
		[]edit{{replica, " || a.late(seen) > most && !a.sure(best)", ""}}, unit("TestAFailedAttemptLooksFresh", "internal/replica"),
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
		"C1", "that a session is over is believed when all nodes were asked",
		[]edit{{replica, " && !answer.rec.Expired(a.store.Clock())", ""}}, unit("TestAUseThatTheHomeDidNotTake", "internal/replica"),
	},
	{
		"C16", "a session is not gone of which all nodes fail after it was read there",
		[]edit{{replica, "if best == nil && a.met != nil &&", "if false && best == nil && a.met != nil &&"}}, unit("TestTheOnlyNodeOfASessionFails", "internal/replica"),
	},
	{
		"R8", "a tombstone outlives copies that had longer to live",
		[]edit{{replica, "	next.Outlasts(f.rec, a.store.Clock())\n", ""}}, unit("TestALogoutOutlivesALongerLife", "internal/replica"),
	},
	{
		"R7", "a record remembers the last one of each term",
		[]edit{{replica, "		next.EndTerm(f.rec.Rank())\n", ""}}, unit("TestAnOldCookieLosesNothing", "internal/local"),
	},
	{
		"C13", "a record of more backups than are configured is believed when one node is silent",
		[]edit{{replica, "max(a.store.Backups, len(rec.Copies)-1)", "a.store.Backups"}}, unit("TestASessionOfMoreBackups", "internal/replica"),
	},
	{
		"C16", "with two nodes silent no session is gone",
		[]edit{{replica, "if a.silent(seen) > max(1, a.store.Backups) || a.hidden(nil, seen) {", "if false {"}}, copies,
	},
	{
		"C16", "who knows that a node lacks a session does not take its word that there is none",
		[]edit{{replica, "case best == nil && a.someAway(seen):", "case false:"}}, unit("TestTheOnlyCopyIsNotGone", "internal/replica"),
	},
	{
		"C5", "a claim that came too late is none",
		[]edit{{replica, "return a.tooLate(than, s, seen)", "return false"}, {replica, "return !a.tooLate(s, than, seen)", "return true"}}, unit("TestChoose", "internal/replica"),
	},
	{
		"C5", "a claim can come too late only for the term that it has left",
		[]edit{{replica, "claim.rec.Base().Term > than.rec.Term || ", ""}}, unit("TestAnAttemptThatAClaimHasLeftBehind", "internal/replica"),
	},
	{
		"R5", "what a record would remember, and does not, it does not descend from",
		[]edit{{"internal/record/stamps.go", "	return n >= keptWrites || ", "	return true || "}}, unit("TestChoose", "internal/replica"),
	},
	{
		"C1", "a claim is looked at everywhere before it is finished",
		[]edit{{replica, "!rec.Unsettled && inEpoch(rec, n)", "inEpoch(rec, n)"}}, unit("TestAClaimThatWasLeftHalfWay", "internal/replica"),
	},
	{
		"C5", "a settled record on its home is never too late",
		[]edit{{replica, "if claim.node == claim.rec.Home && !claim.rec.Unsettled {", "if false {"}, {replica, "if than.node == than.rec.Home && !than.rec.Unsettled {", "if than.node == than.rec.Home {"}}, unit("TestChoose", "internal/replica"),
	},
	{
		"C5", "a claim misses what is of a term that it has passed over",
		[]edit{{"internal/record/past.go", "return len(r.Past) > 0 && r.Base().Term < rank.Term && rank.Term < r.Term", "return false"}}, unit("TestChoose", "internal/replica"),
	},
	{
		"C22", "without backups memory is not stored elsewhere because its node has run out of time",
		[]edit{{replica, "case a.store.Backups == 0 && m.Node.ID() == a.node &&", "case false &&"}}, unit("TestWhoStoodStillStoresNothingElsewhere", "internal/replica"),
	},
	{
		"C13", "an old copy on a node that is owed the session is not believed while another node is silent",
		[]edit{{replica, " || a.hidden(best.rec, seen) {", " {"}}, unit("TestAnOldCopyBesideASilentNode", "internal/replica"),
	},
	{
		"C13", "a node that has been silent for long hides nothing any more",
		[]edit{{replica, "return listed && a.isAway(n, seen)", "return listed && n != nil"}}, unit("TestAnOldCopyBesideASilentNode", "internal/replica"),
	},
	{
		"C3", "a full look asks all nodes at once",
		[]edit{{replica, "wg.Go(func() { answers[i] = a.ask(ctx, n, true) })", "answers[i] = a.ask(ctx, n, true)"}}, unit("TestAFullLookAsksAtOnce", "internal/replica"),
	},
	{
		"C21", "a request waits for a node that was in use a moment ago",
		[]edit{{"internal/replica/load.go", "	a.store.awaitNode(ctx)\n", ""}}, unit("TestARequestWaitsForANode", "internal/replica"),
	},
	{
		"C21", "no request waits when all nodes have been away for longer",
		[]edit{{replica, " || !s.hopes()", ""}}, unit("TestARequestWaitsForANode", "internal/replica"),
	},
}
