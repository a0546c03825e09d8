package mutants

// ofReads are rules of package replica, and of records, about which copy is believed.
var ofReads = []mutant{
	{
		"R3", "the key of a session depends on its token",
		[]edit{{"internal/seal/seal.go", "append(append(info, token...), 1)", "append(info, 1)"}}, unit("TestWhatIsNotSealedHere", "internal/record"),
	},
	{
		"R3", "the key of a session depends on where it lies",
		[]edit{{"internal/seal/seal.go", "info = append(append(info, name...), 0)", "info = append(info, 0)"}}, unit("TestWhatIsNotSealedHere", "internal/record"),
	},
	{
		"R3", "a sealed record says when it ends",
		[]edit{{"internal/record/encode.go", "			b = appendTime(b, ends)\n", "			b = appendTime(b, time.Time{})\n"}}, unit("TestSealedRecordShowsItsPlacement", "internal/record"),
	},
	{
		"R3", "a tombstone is not sealed",
		[]edit{{replica, "return a.seal != nil && !rec.Tombstone &&", "return a.seal != nil &&"}}, unit("TestAKeyThatIsNotHere", "internal/replica"),
	},
	{
		"R10", "what is not sealed is refused",
		[]edit{{replica, "case a.seal != nil && !rec.Tombstone && !a", "case false && !a"}}, unit("TestACopyThatWasNotSealedHere", "internal/replica"),
	},
	{
		"R10", "what was not sealed for its session counts as damaged",
		[]edit{{replica, "it was not sealed for this session, or was changed\")\n		return nil\n", "it was not sealed for this session, or was changed\")\n"}},
		unit("TestACopyThatWasNotSealedHere", "internal/replica"),
	},
	{
		"R11", "nothing is written over what is sealed with a key that is not here",
		[]edit{{replica, "if next.Closed() && a.op.kind != ending {", "if false {"}}, unit("TestAKeyThatIsNotHere", "internal/replica"),
	},
	{
		"C10", "a logout also ends what a newer program wrote",
		[]edit{{replica, "return a.foreign.Load() || errors.Is(err, ErrDamaged)", "return errors.Is(err, ErrDamaged)"}}, unit("TestAnUnknownFormatCanBeEnded", "internal/replica"),
	},
	{
		"C19", "a node that is silent may have a good copy",
		[]edit{{replica, "answered := a.looks.seen.Of(m.Node.ID()); !answered {", "answered := a.looks.seen.Of(m.Node.ID()); false && !answered {"}},
		unit("TestADamagedCopyIsReplacedByAGoodOne", "internal/replica"),
	},
	{
		"C19", "a logout goes over damaged copies",
		[]edit{{replica, "return a.foreign.Load() || errors.Is(err, ErrDamaged) || errors.Is(err, errDamagedHere)", "return a.foreign.Load()"}}, unit("TestDamagedCopiesAreDestroyed", "internal/replica"),
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
		"C7", "another home is a claim, with the next term",
		[]edit{{quorum, "d.Term, d.Claim = highest+1, true", "d.Term, d.Claim = highest, true"}}, copies,
	},
	{
		"C1", "a copy from before its node's present epoch is not trusted",
		[]edit{{quorum, "!rec.Unsettled && InEpoch(rec, node, present)", "!rec.Unsettled"}}, copies,
	},
	{
		"C8", "what was found in doubt is on every copy before it is shown",
		[]edit{{replica, "case d.Heal && (d.Unsafe || d.Rec.Tombstone):", "case d.Heal && d.Rec.Tombstone:"}}, copies,
	},
	{
		"C8", "what only some of its nodes have shown is in doubt",
		[]edit{{quorum, "return !rec.Unsettled && !slices", "return !rec.Unsettled || !slices"}}, copies,
	},
	{
		"C8", "what is on every copy is not written once more",
		[]edit{{quorum, "d.Claim || !v.whole(best.Rec)", "d.Claim || v != nil"}}, unit("TestWrites", "internal/replica"),
	},
	{
		"C8", "one request at a time writes what was found in doubt",
		[]edit{{replica, "	if waited {\n		if rec, fit", "	if waited && false {\n		if rec, fit"}}, unit("TestParallelLoadsRepairOnce", "internal/replica"),
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
		"C7", "a silent home's session is claimed by another node before it is served",
		[]edit{
			{quorum, "		d.Home = best.Node\n", ""}, {quorum, "if !answered || highest > d.Term {", "if highest > d.Term {"},
			{quorum, "d.Claim || !v.whole(best.Rec)", "answered && !v.whole(best.Rec)"},
		}, copies,
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
		[]edit{{quorum, " && (v.timedOut() <= most || v.sure(best))", ""}}, unit("TestAFailedAttemptLooksFresh", "internal/replica"),
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
		[]edit{{replica, " && !c.Rec.Expired(a.store.Clock())", ""}}, unit("TestAUseThatTheHomeDidNotTake", "internal/replica"),
	},
	{
		"C16", "a session is not gone of which all nodes fail after it was read there",
		[]edit{{quorum, "if best == nil && v.onlySilent(v.Met) {", "if false {"}}, unit("TestTheOnlyNodeOfASessionFails", "internal/replica"),
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
		"C16", "with two nodes silent no session is gone",
		[]edit{{quorum, "if v.silent() > max(1, v.Backups) || v.hidden(nil) {", "if false {"}}, copies,
	},
	{
		"C16", "who knows that a node lacks a session does not take its word that there is none",
		[]edit{{quorum, "		return v.anyMayReturn()\n	}\n	return best.Rank()", "		return false\n	}\n	return best.Rank()"}}, unit("TestTheOnlyCopyIsNotGone", "internal/replica"),
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
		"C5", "a settled record on its home is never too late",
		[]edit{{quorum, "if claim.onHome() && !claim.Rec.Unsettled {", "if false {"}, {quorum, "if than.onHome() && !than.Rec.Unsettled {", "if than.onHome() {"}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"C5", "a claim misses what is of a term that it has passed over",
		[]edit{{"internal/record/past.go", "return len(r.Past) > 0 && r.Base().Term < rank.Term && rank.Term < r.Term", "return false"}}, unit("TestChoose", "internal/quorum"),
	},
	{
		"C22", "without backups memory is not stored elsewhere because its node has run out of time",
		[]edit{{quorum, "case v.Backups == 0 && n.ID == v.First &&", "case false &&"}}, unit("TestWhoStoodStillStoresNothingElsewhere", "internal/replica"),
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
