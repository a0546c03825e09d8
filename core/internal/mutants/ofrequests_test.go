package mutants

// The simulation of whole requests. What these rules are for happens in its plainest setting, too.
var requests = layer{name: "simulation of requests", folder: "internal/sim/requests", test: "TestSeed", seeds: 1000, setting: "as usual"}

// ofRequests are rules of package msm and of package local.
var ofRequests = []mutant{
	{
		"E5", "a commit that fails is not answered as if it had not",
		[]edit{{msm, "	if err := w.exchange.Commit(w.Header()); err != nil {", "	if err := w.exchange.Commit(w.Header()); err != nil && false {"}}, requests,
	},
	{
		"E3", "trouble of the store is not the same as no session",
		[]edit{{msm, "	if errors.Is(err, replica.ErrNoSession) {\n		s.missed(err)\n		return nil", "	if err != nil || errors.Is(err, replica.ErrNoSession) {\n		s.missed(err)\n		return nil"}}, requests,
	},
	{
		"E11", "a login takes along what others have stored meanwhile",
		[]edit{{msm, "carried, err := next.carryOver(ctx, r, last.Draft())", "carried, err := rec, error(nil)"}}, requests,
	},
	{
		"E11", "a login ends the old session",
		[]edit{{msm, "	err = h.access.Renewed(ctx, func(last *record.Record) error {", "	_ = func(last *record.Record) error {"}, {msm, "			rec = carried\n		}\n		return err\n	})", "			rec = carried\n		}\n		return err\n	}"}}, requests,
	},
	{
		"W21", "a logout is respected",
		[]edit{{replica, "return o.kind != ending || !applied, applied", "return false, applied"}}, requests,
	},
	{
		"L5", "a takeover is a write, and the former instance's changes meet it",
		[]edit{{local, "rec, err := access.Write(ctx, mine)\n	for err == nil && !st.self.serves(rec) {", "rec, err := access.Load(ctx)\n	for false {"}}, requests,
	},
	{
		"L9", "with synchronous backup a change is stored before its answer",
		[]edit{{local, "	if st.Sync {\n		return st.CommitNow(ctx, s, base, work, redo)\n	}\n", ""}, {local, "	if !st.Sync && !st.closing.Load() {", "	if !st.closing.Load() {"}}, requests,
	},
	{
		"L9", "what only a request can make again is made to what another instance has stored",
		[]edit{{local, "if w.own != nil && !replica.HasRequest(rec, w.request) {", "if false {"}}, requests,
	},
	{
		"E10", "a function of the application runs while its request does",
		[]edit{{msm, "	if now {\n", "	if now && false {\n"}}, unit("TestUpdateRunsInItsRequest", "."),
	},
	{
		"M10", "who serves a session is told of what others change without a request",
		[]edit{{local, "		st.inform(token, access, rec.Route, mailbox.Message{Kind: mailbox.Changed, Version: rec.Version})", "		_ = mailbox.Changed"}}, unit("TestOpenElsewhere", "."),
	},
	{
		"M10", "who serves a session is told that others have ended it without a request",
		[]edit{{local, "st.inform(token, access, route, ended)", "st.inform(token, access, \"\", ended)\n		_ = route"}}, unit("TestOpenElsewhereEnds", "."),
	},
	{
		"L6", "a session in memory that another instance has written since is replaced",
		[]edit{{local, "	w.newer = !rec.SameAs(w.base)", "	w.newer = false"}}, requests,
	},
	{
		"L12", "what waits to be stored does not leave memory", // looked at when a session is picked, and when it leaves
		[]edit{
			{local, "		if s.state.is(clean) {", "		if true {"},
			{local, "if !s.state.change(clean, removed) {", "if !s.state.change(clean, removed) && !s.state.change(dirty, removed) {"},
		}, requests,
	},
	{
		"W13", "a session that is too large is refused before anything is sent",
		[]edit{{replica, "if limit && a.store.MaxSize > 0 && len(w.value) > a.store.MaxSize {", "if false {"}}, requests,
	},
	{
		"L6", "the changes of several requests are made again in their order",
		[]edit{{local, "	for _, c := range changes {\n		draft", "	for i := range changes {\n		c := changes[len(changes)-1-i]\n		draft"}}, requests,
	},
	{
		"L12", "a session does not leave memory while it is written",
		[]edit{{local, "s.turn.cleanAfter = s.state.change(clean, dirty)", "s.turn.cleanAfter = false"}, {local, "	if s.owner.elsewhere { //", "	s.state.change(dirty, clean)\n	if s.owner.elsewhere { //"}}, requests,
	},
	{
		"L4", "loading what another instance serves is a takeover",
		[]edit{{local, "if !st.self.serves(rec) {", "if false {"}}, requests,
	},
	{
		"M8", "who writes what another instance serves tells that one",
		[]edit{{local, "s.owner.elsewhere && w.last != nil {", "s.owner.elsewhere && false {"}}, unit("TestWhatTheFormerInstanceStores|TestWhoServesKeepsTheSession", "internal/local"),
	},
	{
		"L14", "a login takes along what other requests of the instance have changed and not stored",
		[]edit{{local, "range missing(w.batches, last) {", "range missing(nil, last) {"}}, unit("TestRenewTakesAlongWhatOnlyMemoryHas", "internal/local"),
	},
	{
		"L15", "an instance that ends stores that sessions were used",
		[]edit{{local, "	st.saveAll(ctx, st.dirty(), stored)", "	_ = st.dirty()"}}, unit("TestCloseStoresThatASessionWasUsed", "internal/local"),
	},
	{
		"H16", "what only mends copies waits until a node that ran out of time was looked at",
		[]edit{{local, "	if st.putsOff(s) {\n", "	if false {\n"}}, unit("TestAMendWaitsForTheLook|TestAUseWaitsForTheLook", "internal/local"),
	},
	{
		"C20", "a session that is opened for long can be stored again when the nodes are back",
		[]edit{{replica, "func(x failure) bool { return time.Since(x.At) >= node.FailureMemory })", "func(x failure) bool { return time.Since(x.At) >= time.Hour })"}}, unit("TestOpenOutlivesOutages", "."),
	},
	{
		"C21", "an access asks a node once more in a second",
		[]edit{{replica, "	if time.Since(f.chanceAt) >= node.FailureMemory {", "	if true {"}}, unit("TestOneMoreChanceASecond", "internal/replica"),
	},
	{
		"C21", "a probe that began before an operation ran out of time says nothing about that",
		[]edit{{node, "return Waited{n, time.Now(), n.suspicion.begun.Load()}", "return Waited{n, time.Now(), n.Probes()}"}}, unit("TestATimeoutBesideADeadNode", "."),
	},
	{
		"C20", "who has waited for a request that ran out of time on a node does not wait for that node as well",
		[]edit{{keyqueue, "next.met.After(q.met, next.since)", "next.met"}}, unit("TestRequestsThatWaitForEachOther", "."),
	},
	{
		"C20", "who has waited for a write behind the requests that ran out of time on a node does not wait for that node as well",
		[]edit{{keyqueue, "next.met.After(q.met, next.since)", "next.met"}}, unit("TestARequestWaitsForTheWriteBehind", "."),
	},
	{
		"W17", "no more requests wait to write a session than may",
		[]edit{{keyqueue, "case limit.Waiting > 0 && len(q.waiting) >= limit.Waiting:", "case false:"}}, unit("TestWhoDoesNotWaitForAnswers", "."),
	},
	{
		"W17", "no request waits to write a session for longer than it may",
		[]edit{{keyqueue, "	if limit.Time > 0 {", "	if false {"}}, unit("TestQueue", "internal/keyqueue"),
	},
	{
		"L17", "sessions that begin do not hold up the writes of others",
		[]edit{{local, "	if s.newcomer.Load() {\n		return &q.newcomers", "	if false {\n		return &q.newcomers"}}, unit("TestAFloodOfNewSessions", "internal/local"),
	},
	{
		"L17", "sessions that begin leave room to others",
		[]edit{{local, "	if newcomer {\n		sessions, bytes", "	if false {\n		sessions, bytes"}}, unit("TestBounds", "internal/local"),
	},
	{
		"L12", "a session that is stored comes into memory however full that is",
		[]edit{{local, "	if st.cache.keep(s); st.over", "	if st.cache.insert(s) != nil {\n		return nil, ErrFull\n	}\n	if st.over"}}, unit("TestBounds", "internal/local"),
	},
	{
		"E16", "invented ids do not take the places of sessions",
		[]edit{{msm, "m.background.RefreshClaimed(id)", "m.background.Refresh(id)"}}, unit("TestAFloodOfInventedIDs", "."),
	},
	{
		"L5", "who has taken a session over is who the record names",
		[]edit{{local, "err == nil && !st.self.serves(rec) {", "false {"}}, unit("TestTwoTakeOverAtOnce", "internal/local"),
	},
	{
		"L2", "a cookie that names another node than what is in memory is looked up there",
		[]edit{{local, "	case node != id.Node:\n		return mustCompare\n", ""}}, unit("TestAnOldCookieInMemory", "."),
	},
	{
		"M3", "what a look at a node has shown is as old as its begin",
		[]edit{{"internal/mailbox/inbox.go", "		b.probed = began", "		b.probed = time.Now()"}}, unit("TestWhoStoodStillBelievesNothing", "internal/local"),
	},
	{
		"E4", "a commit comes before the body",
		[]edit{{msm, "	if err := w.begin(); err != nil {\n		return 0, err\n	}\n	return w.ResponseWriter.Write(p)", "	n, err := w.ResponseWriter.Write(p)\n	if err == nil {\n		err = w.begin()\n	}\n	return n, err"}}, requests,
	},
	{
		"C20", "a node that failed is not asked again, by this request or the next ones", // each of the two rules covers for the other
		[]edit{
			{replica, "return n.Available() && !slices.ContainsFunc", "return n.Available() || true || !slices.ContainsFunc"},
			{node, "func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {\n	if !n.Available() {", "func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {\n	if false {"},
			{node, "	if !before.available {", "	if false {"},
		}, requests,
	},
	{
		"C23", "what another instance may be about to store is not remembered as gone",
		[]edit{{msm, "if id.Route != \"\" && id.Route != a.route {", "if false {"}}, unit("TestASessionThatIsNotStoredYet", "."),
	},
	{
		"N17", "a manager that has ended makes no nodes",
		[]edit{{cluster, "if m.running == nil {", "if false {"}}, unit("TestAListThatComesTooLate", "internal/cluster"),
	},
	{
		"N1", "no request waits for the prober",
		[]edit{{node, "func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {\n	if !n.Available() {", "func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {\n	if !n.Available() && n.Probe(ctx) != nil {"},
			{replica, "	if !a.usable(n) { // nor", "	if false { // nor"}}, requests,
	},
	{
		"L5", "a write that is no takeover leaves the session to the instance that the record names",
		[]edit{{local, "if rec.Route == \"\" || takeover {", "if true {"}}, unit("TestWhomTheRecordNames", "internal/local"),
	},
	{
		"L6", "a change that cannot be made to what another instance has stored is left out as a whole",
		[]edit{{local, "		draft := rec.Draft()\n", "		draft := rec\n"}}, unit("TestAChangeThatCannotBeMade", "internal/local"),
	},
	{
		"L6", "the changes after one that cannot be made are made",
		[]edit{{"internal/local/pending.go", "			continue\n", "			break\n"}}, unit("TestAChangeThatCannotBeMade", "internal/local"),
	},
	{
		"L6", "the log has the change that could not be made",
		[]edit{{local, "		if w.failed != nil {\n", "		if false {\n"}}, unit("TestAChangeThatCannotBeMade", "internal/local"),
	},
	{
		"M11", "a session that has ended elsewhere is not served any more, however many have ended",
		[]edit{{local, "		st.cache.remove(s)\n	}\n	return does", "	}\n	return does"}}, unit("TestManyLogoutsElsewhere", "internal/local"),
	},
	{
		"M11", "a login brings along what came before this instance read that the old session has ended",
		[]edit{{local, "		st.cache.remove(s)\n	}\n	return does", "		st.cache.remove(s)\n		st.dropPending(s)\n	}\n	return does"}},
		unit("TestRenew", "internal/local"),
	},
	{
		"L3", "a session whose nodes died is not lost because its instance stood still",
		[]edit{{local, "	if own { // nothing", "	if false { // nothing"}}, unit("TestWhoStoodStillBesideDeadNodes", "internal/local"),
	},
	{
		"E15", "what a session has made is private, also if its handler says nothing",
		[]edit{{"caches.go", "		h[\"Cache-Control\"] = append(append(room, \"private\"), values...)\n", ""}}, unit("TestNobodyElseMayCacheWhatASessionMade", "."),
	},
	{
		"E8", "who has logged out is logged out, also if the handler panics",
		[]edit{{"exchange.go", "		s.endAnyway()\n", ""}}, unit("TestAPanicAfterALogout", "."),
	},
	{
		"W17", "where operations may take long, requests wait longer to write",
		[]edit{{"config.go", "return max(requestWait, requestOps*c.OpTimeout)", "return requestWait"}}, unit("TestSlowNodesAreWaitedFor", "."),
	},
	{
		"E19", "a login of a visitor without a session has a time, too",
		[]edit{{"commit.go", "	login.At = s.draft.work.Created\n", ""}}, unit("TestRequireFresh", "."),
	},
	{
		"M11", "what cannot be ended on the nodes now is tried again",
		[]edit{{"internal/peers/backlog.go", "if len(failed) == 0 || ", "if true || "}}, unit("TestWhatFailsIsTriedAgain", "internal/peers"),
	},
	{
		"M5", "the next messages are heard while the nodes are asked about those before",
		[]edit{
			{"internal/peers/backlog.go", "	done.Go(func() {\n		b.store", "	func() {\n		b.store"},
			{"internal/peers/backlog.go", "		b.do(ctx, batch)\n	})", "		b.do(ctx, batch)\n	}()"},
		},
		unit("TestNothingHeardWaitsForTheNodes", "internal/peers"),
	},
	{
		"M11", "a session whose end was heard does not come into memory again",
		[]edit{{local, "st.cache.keep(s); st.over.Has(s.short) {", "st.cache.keep(s); false {"}}, unit("TestARequestInTheMidstOfAnEnd", "."),
	},
	{
		"M13", "nobody makes another instance's mailbox",
		[]edit{{mailbox, "case errors.Is(err, memcache.ErrMiss) && route != \"\":", "case false:"}}, unit("TestRoutesThatClientsMakeUp", "internal/local"),
	},
	{
		"M13", "an instance keeps its mailbox from expiring",
		[]edit{{mailbox, " || b.mail.Clock().Sub(b.renewed[at.node]) >= renewEvery)", ")"}}, unit("TestAnInstanceKeepsItsMailbox", "internal/mailbox"),
	},
	{
		"M14", "ends go before all other messages",
		[]edit{{local, " cmp.Compare(p.Kind, than.Kind),", ""}}, unit("TestMessagesGoTogether", "internal/local"),
	},
	{
		"M14", "an end that no node has taken is sent again",
		[]edit{{local, "o.repeat(again, untold)", "o.repeat(again[:0], untold)"}}, unit("TestEndsAreSentAgain", "internal/local"),
	},
	{
		"M14", "who has missed messages is told so",
		[]edit{{local, "if !o.confess(ctx, route) {", "if route == \"\" {"}}, unit("TestMoreMessagesThanWait", "internal/local"),
	},
	{
		"M14", "an instance that ends tells of the last logouts",
		[]edit{{local, "			o.post(context.WithoutCancel(ctx), ends)\n", "			_ = ends\n"}}, unit("TestEndsAreSentAtTheEnd", "internal/local"),
	},
	{
		"M11", "of several messages about a session an end counts most",
		[]edit{{local, "	if x, y := m.Ends(), than.Ends(); x != y {\n		return x\n	}\n", ""}}, unit("TestAnEndCountsMost", "internal/local"),
	},
}
