package mutants

// The simulation of whole requests. What these rules are for happens in its plainest setting, too.
var requests = layer{name: "simulation of requests", folder: "internal/sim/requests", test: "TestSeed", seeds: 1000, setting: "as usual"}

// ofRequests are rules of package msm and of package local.
var ofRequests = []mutant{
	{
		"a commit that fails is not answered as if it had not",
		[]edit{{"writer.go", "	if err := x.Commit(w.Header()); err != nil {", "	if err := x.Commit(w.Header()); err != nil && false {"}}, requests,
	},
	{
		"trouble of the store is not the same as no session",
		[]edit{{"find.go", "	if errors.Is(err, replica.ErrNoSession) {\n		if asks", "	if err != nil || errors.Is(err, replica.ErrNoSession) {\n		if asks"}}, requests,
	},
	{
		"a login takes along what others have stored meanwhile",
		[]edit{{"commit.go", "return s.carryOver(ctx, old.base, last.Draft(), list)", "return nil"}, {"commit.go", "old, list := s.ended, s.list", "old := s.ended"}}, requests,
	},
	{
		"a login ends the old session",
		[]edit{{"commit.go", "	err := old.access.Renewed(ctx, func(last", "	err := error(nil)\n	_ = func() error { return old.access.Renewed(ctx, func(last"}, {"commit.go", "last.Draft(), list)\n	})", "last.Draft(), list)\n	}) }"}}, requests,
	},
	{
		"a logout is respected",
		[]edit{{write, "return !a.destroying || !applied, applied", "return false, applied"}}, requests,
	},
	{
		"a takeover is a write, and the former instance's changes meet it",
		[]edit{{"internal/local/takeover.go", "rec, err := access.Write(ctx, mine)\n	for err == nil && rec.Route != st.Route {", "rec, err := access.Load(ctx)\n	for false {"}}, requests,
	},
	{
		"with synchronous backup a change is stored before its answer",
		[]edit{{"internal/local/commit.go", "	if s.store.Sync {\n		return s.CommitNow(ctx, base, work, redo)\n	}\n", ""}, {"internal/local/commit.go", "	if !s.store.Sync && !s.store.closing.Load() {", "	if !s.store.closing.Load() {"}}, requests,
	},
	{
		"what only a request can make again is made to what another instance has stored",
		[]edit{{"internal/local/save.go", "if w.own != nil && !replica.HasRequest(rec, w.request) {", "if false {"}}, requests,
	},
	{
		"a function of the application runs while its request does",
		[]edit{{"sticky.go", "	if call {\n", "	if call && false {\n"}}, unit("TestUpdateRunsInItsRequest", "."),
	},
	{
		"who serves a session is told of what others change without a request",
		[]edit{{"internal/local/elsewhere.go", "		st.inform(token, access, rec.Route, news.Message{Kind: news.Changed, Version: rec.Version})", "		_ = news.Changed"}}, unit("TestOpenElsewhere", "."),
	},
	{
		"who serves a session is told that others have ended it without a request",
		[]edit{{"internal/local/elsewhere.go", "st.inform(token, access, route, ended)", "st.inform(token, access, \"\", ended)\n		_ = route"}}, unit("TestOpenElsewhereEnds", "."),
	},
	{
		"a session in memory that another instance has written since is replaced",
		[]edit{{"internal/local/save.go", "	w.newer = !sameRecord(rec, w.base)", "	w.newer = false"}}, requests,
	},
	{
		"what waits to be stored does not leave memory", // looked at when a session is picked, and when it leaves
		[]edit{
			{"internal/local/shard.go", "		if s.state.Load() == clean {", "		if true {"},
			{"internal/local/shard.go", "if !s.state.CompareAndSwap(clean, left) {", "if !s.state.CompareAndSwap(clean, left) && !s.state.CompareAndSwap(dirty, left) {"},
		}, requests,
	},
	{
		"a session that is too large is refused before anything is sent",
		[]edit{{save, "if limit && a.store.MaxSize > 0 && len(w.value) > a.store.MaxSize {", "if false {"}}, requests,
	},
	{
		"the changes of several requests are made again in their order",
		[]edit{{"internal/local/save.go", "	for _, c := range changes {\n		draft", "	for _, c := range slices.Backward(changes) {\n		draft"}}, requests,
	},
	{
		"a session does not leave memory while it is written",
		[]edit{{"internal/local/session.go", "s.saving, s.rests = true, s.state.CompareAndSwap(clean, dirty)", "s.saving, s.rests = true, false"}, {"internal/local/save.go", "	if s.told { //", "	s.state.CompareAndSwap(dirty, clean)\n	if s.told { //"}}, requests,
	},
	{
		"loading what another instance serves is a takeover",
		[]edit{{"internal/local/takeover.go", "if rec.Route != st.Route {", "if false {"}}, requests,
	},
	{
		"who writes what another instance serves tells that one",
		[]edit{{"internal/local/notice.go", "s.told && w.last != nil {", "s.told && false {"}}, unit("TestWhatTheFormerInstanceStores|TestWhoServesKeepsTheSession", "internal/local"),
	},
	{
		"a login takes along what other requests of the instance have changed and not stored",
		[]edit{{"internal/local/end.go", "range missing(w.batches, last) {", "range missing(nil, last) {"}}, unit("TestRenewTakesAlongWhatOnlyMemoryHas", "internal/local"),
	},
	{
		"an instance that ends stores that sessions were used",
		[]edit{{"internal/local/local.go", "	st.saveAll(ctx, st.dirty(), stored)", "	_ = st.dirty()"}}, unit("TestCloseStoresThatASessionWasUsed", "internal/local"),
	},
	{
		"what only mends copies waits until a node that ran out of time was looked at",
		[]edit{{"internal/local/local.go", "	if s.putsOff() {\n", "	if false {\n"}}, unit("TestAMendWaitsForTheLook", "internal/local"),
	},
	{
		"who has taken a session over is who the record names",
		[]edit{{"internal/local/takeover.go", "err == nil && rec.Route != st.Route {", "false {"}}, unit("TestTwoTakeOverAtOnce", "internal/local"),
	},
	{
		"a cookie that names another node than what is in memory is looked up there",
		[]edit{{"sticky.go", "held != nil && held.At(id.Node) && ", "held != nil && "}}, unit("TestAnOldCookieInMemory", "."),
	},
	{
		"what a look at a node has shown is as old as its begin",
		[]edit{{"internal/news/inbox.go", "		b.looked = began", "		b.looked = time.Now()"}}, unit("TestWhoStoodStillBelievesNothing", "internal/local"),
	},
	{
		"a commit comes before the body",
		[]edit{{"writer.go", "	if err := w.begin(); err != nil {\n		return 0, err\n	}\n	return w.ResponseWriter.Write(p)", "	n, err := w.ResponseWriter.Write(p)\n	if err == nil {\n		err = w.begin()\n	}\n	return n, err"}}, requests,
	},
	{
		"a node that failed is not asked again, by this request or the next ones", // each of the two rules covers for the other
		[]edit{
			{load, "return n.Available() && !slices.ContainsFunc", "return n.Available() || true || !slices.ContainsFunc"},
			{node, "func (n *Node) Get(ctx context.Context, key string) (Item, error) {\n	if !n.Available() {", "func (n *Node) Get(ctx context.Context, key string) (Item, error) {\n	if false {"},
			{node, "	if !before.available {", "	if false {"},
		}, requests,
	},
	{
		"what another instance may be about to store is not remembered as gone",
		[]edit{{"find.go", "if id.Route != \"\" && id.Route != m.config.Route {", "if false {"}}, unit("TestASessionThatIsNotStoredYet", "."),
	},
	{
		"a manager that has ended makes no nodes",
		[]edit{{"nodes.go", "if n.running == nil {", "if false {"}}, unit("TestAListThatComesTooLate", "."),
	},
	{
		"no request waits for the prober",
		[]edit{{node, "func (n *Node) Get(ctx context.Context, key string) (Item, error) {\n	if !n.Available() {", "func (n *Node) Get(ctx context.Context, key string) (Item, error) {\n	if !n.Available() && n.Probe(ctx) != nil {"},
			{load, "	if !a.usable(n) { // nor", "	if false { // nor"}}, requests,
	},
}
