package mutants

const node = "internal/node/node.go"

// ofNodes are rules of package node.
var ofNodes = []mutant{
	{
		"a node of which nobody knows what is stale gets another epoch before it is used",
		[]edit{{node, "if there && old != 0 && !stale {", "if there && old != 0 {"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"a node that fails during a probe stays down",
		[]edit{{node, `	if n.events != before {
		return errFailed
	}`, ""}}, unit("TestEpoch", "internal/node"),
	},
	{
		"a probe that fails makes the node unavailable",
		[]edit{{node, "		n.fail(fmt.Errorf(\"probe: %w\", err))\n", ""}}, unit("TestEpoch", "internal/node"),
	},
	{
		"who runs out of time has the node looked at",
		[]edit{{node, "	case timedOut(err):\n		n.probeNow()", "	case timedOut(err):"}}, unit("TestWhoRunsOutOfTimeHasTheNodeLookedAt", "internal/node"),
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
		"a refused connection makes the node unavailable, also for others",
		[]edit{{node, `	default:
		n.fail(err)
	}
	return err`, `	}
	return err`}}, unit("TestEvidence", "internal/node"),
	},
}
