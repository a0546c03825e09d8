package mutants

const lock = "internal/replica/lock.go"

// handlers are the plays of locked handlers in fake time, over two instances.
var handlers = unit("TestLockedHandlersNeverOverlap|TestALostLock|TestALostLockIsNotPassedOn|TestALockPassedToWhoLeaves|TestLocksAreFair|TestALockThatIsNotHad|TestWhoeverLeavesReleases|TestTheLockOfACrashedInstanceEnds", ".")

// ofLocks are rules of the locking modes.
var ofLocks = []mutant{
	{
		"a lock is released by its owner only",
		[]edit{{lock, "if string(item.Value) != l.owner {", "if false {"}}, unit("TestLock", "internal/replica"),
	},
	{
		"a lock that another one has is not had",
		[]edit{{lock, "		case err == nil:\n			return nil, nil", "		case err == nil:\n			return lock, nil"}}, handlers,
	},
	{
		"a lock is extended while its handler runs",
		[]edit{{"lease.go", "l.first = time.AfterFunc(l.every, l.extend)", "l.first = time.AfterFunc(time.Hour, l.extend)"}}, handlers,
	},
	{
		"who has, or had, a lock does not write over what it has not seen",
		[]edit{{"session_lock.go", "if s.alone {", "if false {"}}, handlers,
	},
	{
		"no handler runs without the lock",
		[]edit{{"locks.go", "	if err != nil {\n		return nil, l.refused(err)\n	}", "	if err != nil {\n		_ = l.refused(err)\n		return nil, nil\n	}"}}, handlers,
	},
	{
		"a lock is released when its request is over, however it ends",
		[]edit{{"exchange.go", "	s.unlock()\n	x.learn()", "	x.learn()"}}, handlers,
	},
	{
		"a lost lock is not passed on",
		[]edit{{"locks.go", "if mayPass && !lock.gone.Load() && l", "if mayPass && l"}}, handlers,
	},
	{
		"a crowd in one instance does not keep others out",
		[]edit{{"locks.go", "mayPass := lock.passed < maxPassed", "mayPass := true"}}, handlers,
	},
}
