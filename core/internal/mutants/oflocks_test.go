package mutants

// ofLocks are rules of the locking modes.
var ofLocks = []mutant{
	{
		"K3", "a lock is released by its owner only",
		[]edit{{lock, "	if owner != l.owner {", "	if owner != l.owner && false {"}}, requests,
	},
	{
		"K2", "a lock that another one has is not had",
		[]edit{{lock, "ours {\n				return lock, nil\n			}\n			return nil, nil", "ours {\n				return lock, nil\n			}\n			return lock, nil"}}, requests,
	},
	{
		"K2", "a lock is extended while its handler runs",
		[]edit{{lock, "l.first = time.AfterFunc(l.every, l.extend)", "l.first = time.AfterFunc(time.Hour, l.extend)"}}, requests,
	},
	{
		"K9", "who has, or had, a lock does not write over what it has not seen",
		[]edit{{msm, "if d.exclusive {", "if false {"}}, requests,
	},
	{
		"K7", "no handler runs without the lock",
		[]edit{{lock, "	if err != nil {\n		return nil, l.refused(err)\n	}", "	if err != nil {\n		_ = l.refused(err)\n		return nil, nil\n	}"}}, requests,
	},
	{
		"K8", "a lock is released when its request is over, however it ends",
		[]edit{{msm, "	s.unlock()\n	x.learn()", "	x.learn()"}}, requests,
	},
	{
		"K8", "an invented id takes no lock",
		[]edit{{msm, "	if m.refreshes.Has(id.Token) {\n		return false", "	if true {\n		return false"}}, unit("TestWhatInventedIDsCost", "."),
	},
	{
		"K6", "a lost lock is not passed on",
		[]edit{{lock, "if mayPass && !lock.gone.Load() && l", "if mayPass && l"}}, requests,
	},
	{
		"K6", "a crowd in one instance does not keep others out",
		[]edit{{lock, "mayPass := lock.passes >= 0", "mayPass := true"}}, unit("TestLocksAreFair", "."),
	},
	{
		"K4", "who releases a lock that others wait for lets one of them go first",
		[]edit{{lock, "l.yields.Of(token))", "time.Time{})"}}, unit("TestInstancesTakeTurns", "."),
	},
	{
		"K6", "where instances compete a lock is passed on to those only who wait for it already",
		[]edit{{lock, "if taken.Waited() {", "if false {"}}, unit("TestInstancesTakeTurns", "."),
	},
	{
		"K3", "to ask for a lock is not to lose it",
		[]edit{{lock, "	for range replaceTries {", "	for range 1 {"}}, unit("TestLock", "internal/lock"),
	},
	{
		"K5", "who did not hear that it got a lock finds its own name on it",
		[]edit{{lock, "if _, ours := lock.ask(ctx); ours {", "if _, ours := lock.ask(ctx); ours && false {"}}, unit("TestALockWhoseAnswerIsLost", "internal/lock"),
	},
}
