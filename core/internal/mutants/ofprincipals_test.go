package mutants

// ofPrincipals are rules of who is logged in where (P).
var ofPrincipals = []mutant{
	{
		"P1", "a list is bounded",
		[]edit{{principal, "case !l.Full() || l.drop():", "default:"}}, unit("TestAListIsBounded", principal),
	},
	{
		"P1", "who lives only because he is listed stays in the list",
		[]edit{{principal, "if s.Number > l.Over && (oldest", "if (oldest"}}, unit("TestAListIsBounded", principal),
	},
	{
		"P1", "who has logged out leaves a long list",
		[]edit{{"principal_limit.go", "				p.tidy(e.name)\n", ""}}, unit("TestDeadEntriesLeave", "."),
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
		"P2", "two sessions have two handles, although they were one",
		[]edit{{principal, "if at >= 0 && l.Sessions[at].Number != seen {", "if false {"}}, unit("TestLoginsTwiceAtOnce", "."),
	},
	{
		"P2", "a login that could not be stored is taken back",
		[]edit{{"commit.go", "err != nil {\n		undo()\n	}", "err != nil {\n		_ = undo\n	}"}}, unit("TestALoginThatFailsLeavesNothing", "."),
	},
	{
		"P2", "a renewal that could not be stored is taken back",
		[]edit{{"commit.go", "		undo()\n		s.keepWork()", "		_ = undo\n		s.keepWork()"}}, unit("TestAKeptSessionWhoseRenewalFails", "."),
	},
	{
		"P2", "who has ended is not listed",
		[]edit{{"principal_look.go", "rec.Tombstone || rec.Expired(time.Now())", "false"}}, unit("TestTheListFollowsTheSession", "."),
	},
	{
		"P2", "who logs in at this moment is listed",
		[]edit{{"principal_look.go", "return s.Login, !young(s)", "return s.Login, true"}}, unit("TestALoginThatIsEndedBeforeItIsStored|TestPrincipalLimit", "."),
	},
	{
		"P3", "an end is the end of those whose clock was ahead, too",
		[]edit{{principal, "max(l.Last, uint64(now.Add(Skew).UnixMilli()))", "l.Last"}}, unit("TestWhoIsLoggedIn", principal),
	},
	{
		"P3", "those in the list end at once",
		[]edit{{"principal_sessions.go", "p.endAll(context.WithoutCancel(ctx), ended)", "_ = ended"}}, unit("TestDestroyAll", "."),
	},
	{
		"P3", "those who are kept live by the list",
		[]edit{{principal, "return number > v.over || v.has(handle)", "return number > v.over"}}, unit("TestWhoIsLoggedIn", principal),
	},
	{
		"P3", "who ends all others is kept, though the list has lost him",
		[]edit{{principal, "if own != nil && !l.Has(own.Handle)", "if false && !l.Has(own.Handle)"}}, unit("TestDestroyAll", "."),
	},
	{
		"P3", "who is on no node yet is not stored any more",
		[]edit{{"principal_look.go", "	if !young(s) {\n		return nil", "	if true {\n		return nil"}}, unit("TestALoginThatIsEndedBeforeItIsStored", "."),
	},
	{
		"P3", "an end that fails leaves the session in memory",
		[]edit{{"principal_look.go", "	err := p.endStored(ctx, s)\n	if err == nil {", "	err := p.endStored(ctx, s)\n	if true {"}}, unit("TestAnEndThatFails", "."),
	},
	{
		"P4", "who is not in the list ends, too",
		[]edit{{"find.go", "if s.manager.principals.isOver(ctx, id, rec) {", "if false {"}}, unit("TestDestroyAll", "."),
	},
	{
		"P4", "who is over does not begin anew by a renewal",
		[]edit{{"principal_limit.go", "if e.again && !l.", "if false && !l."}}, unit("TestDestroyAll", "."),
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
		[]edit{{"principals.go", "if err == nil && p.isOver(ctx, id, rec) {", "if false {"}}, unit("TestStreamsOfThoseWhoWereEnded", "."),
	},
	{
		"P4", "while the nodes cannot tell, what they said last counts",
		[]edit{{"principals.go", "	if err != nil { // the verdict stays", "	if err != nil && false { // the verdict stays"}}, unit("TestAListOfWhichNobodyKnows", "."),
	},
	{
		"P5", "who was lost comes back into the list",
		[]edit{{"principals.go", "		p.comeBack(id, rec, false)\n", ""}}, unit("TestAListThatWasLost", "."),
	},
	{
		"P5", "who is over does not come back into the list",
		[]edit{{principal, " || s.Number <= l.Over {", " {"}}, unit("TestReturn", principal),
	},
	{
		"P5", "a list whose key is not here keeps nobody from logging in",
		[]edit{{"principals.go", "if !errors.Is(err, replica.ErrNoKey) {", "if true {"}}, unit("TestAListThatCannotBeRead", "."),
	},
	{
		"P5", "a list of a newer program keeps nobody from logging in",
		[]edit{{"principal_limit.go", "	case errors.Is(err, ErrUnreadable):\n		return true\n", ""}}, unit("TestAListOfANewerProgram", "."),
	},
	{
		"P5", "a list in use is sealed with a present key",
		[]edit{{"principals.go", " || time.Since(stored.LastAccess) > p.rewrite)", ")"}}, unit("TestAListIsSealedAnew", "."),
	},
	{
		"W18", "copies that are all damaged are overwritten",
		[]edit{{replica, "	case overwriting:\n		return errors.Is(err, ErrDamaged)\n", ""}}, unit("TestPutWritesOverWhateverThereIs", replica),
	},
	{
		"P6", "the limit counts in the write of the login",
		[]edit{{"principal_limit.go", "if p.limit > 0 && l.Others(e.entry.Handle) >= p.limit {", "if p.limit > 0 && l.Others(e.entry.Handle) >= p.limit && gone == nil {"}}, unit("TestPrincipalLimit", "."),
	},
	{
		"P6", "who was used the longest ago ends",
		[]edit{{"principal_limit.go", "cmp.Or(s.used.Compare(than.used), ", "cmp.Or(than.used.Compare(s.used), "}}, unit("TestPrincipalLimit", "."),
	},
	{
		"P6", "of whom nobody knows ends last",
		[]edit{{"principal_limit.go", "if s.used.IsZero() != than.used.IsZero() {", "if false {"}}, unit("TestWhoEndsFirst", "."),
	},
	{
		"P6", "a login is refused where the configuration says so",
		[]edit{{"principal_limit.go", "	if p.refuses {\n		return nil, p.tooMany()", "	if false {\n		return nil, p.tooMany()"}}, unit("TestPrincipalLimitRefuses", "."),
	},
}
