package mutants

const node = "internal/node/node.go"

// ofNodes are rules of package node.
var ofNodes = []mutant{
	{
		"who had to work around a node replaces its epoch before using it again",
		[]edit{{node, "case !dirty && old != 0:", "case old != 0:"}}, copies,
	},
	{
		"a node that someone works around during a probe stays down",
		[]edit{{node, `	if n.reworked != before {
		return errReworked
	}`, ""}}, copies.in("lost replies among many old cookies"),
	},
	{
		"a failed probe counts as a failed request",
		[]edit{{node, `		// epoch we would believe stale copies.
		n.fail(err)`, "// epoch we would believe stale copies."}}, copies.in("old cookies while a node fails"),
	},
	{
		"asking every node reads their epochs with the record",
		[]edit{{node, "	n.learn(epoch, before)\n", ""}}, copies.in("two of three nodes lose all"),
	},
	{
		"a node without an epoch has lost what it had",
		[]edit{{node, "	n.learn(epoch, before)\n", "	if epoch != 0 {\n		n.learn(epoch, before)\n	}\n"}}, copies.in("two of three nodes lose all"),
	},
	{
		"a failed operation makes the node unavailable, also for others",
		[]edit{{node, `	n.fail(err)
	return err
}

func answer`, `	return err
}

func answer`}}, unit("TestFailuresMakeANodeUnavailable", "internal/node"),
	},
}
