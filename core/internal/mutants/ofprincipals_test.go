package mutants

// ofPrincipals are rules of who is logged in where (P).
var ofPrincipals = []mutant{
	{
		"P1", "a list is bounded",
		[]edit{{principal, "if !l.Full() || l.drop() {", "if true {"}}, unit("TestAListIsBounded", principal),
	},
	{
		"P1", "who lives only because he is listed stays in the list",
		[]edit{{principal, "if s.Number > l.Over && (oldest", "if (oldest"}}, unit("TestAListIsBounded", principal),
	},
	{
		"P2", "each login has a number above all before it, whatever the clock says",
		[]edit{{principal, "l.Last = max(l.Last+1, uint64(now.UnixMilli()))", "l.Last = uint64(now.UnixMilli())"}}, unit("TestWhoIsLoggedIn", principal),
	},
	{
		"P2", "the handle stays under another id",
		[]edit{{"principal.go", "		handle = s.handle()\n", ""}}, unit("TestTheListFollowsTheSession", "."),
	},
	{
		"P2", "who has ended is not listed",
		[]edit{{"principal_look.go", "rec.Tombstone || rec.Expired(time.Now())", "false"}}, unit("TestTheListFollowsTheSession", "."),
	},
	{
		"P2", "who logs in at this moment is listed",
		[]edit{{"principal_look.go", "time.Since(s.Login) > youngFor", "true"}}, unit("TestPrincipalLimit", "."),
	},
	{
		"P3", "an end is the end of those whose clock was ahead, too",
		[]edit{{principal, "max(l.Last, uint64(now.Add(Skew).UnixMilli()))", "l.Last"}}, unit("TestWhoIsLoggedIn", principal),
	},
	{
		"P3", "those in the list end at once",
		[]edit{{"principal_sessions.go", "_ = p.end(context.WithoutCancel(ctx), s)", "_ = s"}}, unit("TestDestroyAll", "."),
	},
	{
		"P3", "those who are kept live by the list",
		[]edit{{principal, "number > v.over || slices.Contains(v.kept, handle)", "number > v.over || slices.Contains(v.kept[:0], handle)"}}, unit("TestWhoIsLoggedIn", principal),
	},
	{
		"P4", "who is not in the list ends, too",
		[]edit{{"find.go", "if s.manager.principals.over(ctx, id, rec) {", "if false {"}}, unit("TestDestroyAll", "."),
	},
	{
		"P4", "the list is read again",
		[]edit{{"principals.go", "p.due.Pass(login.Principal, time.Now().Add(checkEvery)) || ", ""}}, unit("TestDestroyAll", "."),
	},
	{
		"P4", "the list is not read for each request",
		[]edit{{"principals.go", "p.due.Pass(login.Principal, time.Now().Add(checkEvery)) ||", "true ||"}}, unit("TestWhatAPrincipalCosts", "."),
	},
	{
		"P4", "an end is remembered for as long as a session may be unused",
		[]edit{{"principals.go", "idle = max(idle, endFor)", "_ = endFor"}}, unit("TestAnEndIsRemembered", "."),
	},
	{
		"P4", "a stream ends with its session",
		[]edit{{"principals.go", "if err == nil && p.over(ctx, id, rec) {", "if false {"}}, unit("TestStreamsOfThoseWhoWereEnded", "."),
	},
	{
		"P4", "while the nodes cannot tell, what they said last counts",
		[]edit{{"principals.go", "	if err != nil {\n		p.verdicts.Update(", "	if err != nil && false {\n		p.verdicts.Update("}}, unit("TestAListOfWhichNobodyKnows", "."),
	},
	{
		"P5", "who was lost comes back into the list",
		[]edit{{"principals.go", "		p.comeBack(id, rec)\n", ""}}, unit("TestAListThatWasLost", "."),
	},
	{
		"P5", "who is over does not come back into the list",
		[]edit{{principal, " || s.Number <= l.Over {", " {"}}, unit("TestReturn", principal),
	},
	{
		"P5", "a list that cannot be read keeps nobody from logging in",
		[]edit{{"principals.go", "if !errors.Is(err, ErrUnreadable) {", "if true {"}}, unit("TestAListThatCannotBeRead", "."),
	},
	{
		"P6", "the limit counts in the write of the login",
		[]edit{{"principal_limit.go", "if p.limit > 0 && l.Others(entry.Handle) >= p.limit {", "if p.limit > 0 && l.Others(entry.Handle) >= p.limit && gone == nil {"}}, unit("TestPrincipalLimit", "."),
	},
	{
		"P6", "who was used the longest ago ends",
		[]edit{{"principal_limit.go", "cmp.Or(a.used.Compare(b.used), ", "cmp.Or(b.used.Compare(a.used), "}}, unit("TestPrincipalLimit", "."),
	},
	{
		"P6", "a login is refused where the configuration says so",
		[]edit{{"principal_limit.go", "	if p.refuses {\n		return nil, p.tooMany()", "	if false {\n		return nil, p.tooMany()"}}, unit("TestPrincipalLimitRefuses", "."),
	},
}
