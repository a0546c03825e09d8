package mutants

const lock = "internal/replica/lock.go"

// ofLocks are rules of the locking modes.
var ofLocks = []mutant{
	{
		"a lock is released by its owner only",
		[]edit{{lock, "	if owner != l.owner {", "	if owner != l.owner && false {"}}, requests,
	},
	{
		"a lock that another one has is not had",
		[]edit{{lock, "ours {\n				return lock, nil\n			}\n			return nil, nil", "ours {\n				return lock, nil\n			}\n			return lock, nil"}}, requests,
	},
	{
		"a lock is extended while its handler runs",
		[]edit{{"lease.go", "l.first = time.AfterFunc(l.every, l.extend)", "l.first = time.AfterFunc(time.Hour, l.extend)"}}, requests,
	},
	{
		"who has, or had, a lock does not write over what it has not seen",
		[]edit{{"session_lock.go", "if s.alone {", "if false {"}}, requests,
	},
	{
		"no handler runs without the lock",
		[]edit{{"locks.go", "	if err != nil {\n		return nil, l.refused(err)\n	}", "	if err != nil {\n		_ = l.refused(err)\n		return nil, nil\n	}"}}, requests,
	},
	{
		"a lock is released when its request is over, however it ends",
		[]edit{{"exchange.go", "	s.unlock()\n	x.learn()", "	x.learn()"}}, requests,
	},
	{
		"a lost lock is not passed on",
		[]edit{{"locks.go", "if mayPass && !lock.gone.Load() && l", "if mayPass && l"}}, requests,
	},
	{
		"a crowd in one instance does not keep others out",
		[]edit{{"locks.go", "mayPass := lock.passes >= 0", "mayPass := true"}}, unit("TestLocksAreFair", "."),
	},
	{
		"who releases a lock that others wait for lets one of them go first",
		[]edit{{"locks.go", "l.yields.moment(token))", "time.Time{})"}}, unit("TestInstancesTakeTurns", "."),
	},
	{
		"where instances compete a lock is passed on to those only who wait for it already",
		[]edit{{"locks.go", "if taken.Waited() {", "if false {"}}, unit("TestInstancesTakeTurns", "."),
	},
	{
		"to ask for a lock is not to lose it",
		[]edit{{lock, "	for range tries {", "	for range 1 {"}}, unit("TestLock", "internal/replica"),
	},
}
