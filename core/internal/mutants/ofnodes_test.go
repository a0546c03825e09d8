package mutants

const (
	node = "internal/node/node.go"
	fit  = "internal/node/fit.go"
	keys = "internal/node/keys.go"
)

// ofNodes are rules of package node.
var ofNodes = []mutant{
	{
		"a node of which nobody knows what is stale gets another epoch before it is used",
		[]edit{{node, "case epoch != 0 && !stale.of(epoch) && ", "case epoch != 0 && "}}, unit("TestEpoch", "internal/node"),
	},
	{
		"a node that fails during a probe stays down",
		[]edit{{node, `	if n.events != before {
		return errFailed
	}`, ""}}, unit("TestEpoch", "internal/node"),
	},
	{
		"a probe that fails makes the node unavailable",
		[]edit{{node, "		n.fail(why)\n		n.tell(why)\n", "		n.tell(why)\n"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"who runs out of time has the node looked at",
		[]edit{{"internal/node/trouble.go", "	n.timeouts.Add(1)\n	n.probeNow()\n", "	n.timeouts.Add(1)\n"}}, unit("TestWhoRunsOutOfTimeHasTheNodeLookedAt", "internal/node"),
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
		"an epoch that was damaged on its way is no other one",
		[]edit{{node, "} else if e, ok := parseEpoch(read.Value); ok {", "} else if e, ok := parseEpoch(read.Value); ok || !ok {"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"what seems to be no epoch is read twice",
		[]edit{{"internal/node/epochs.go", "if err == nil && !bytes.Equal(again.Value, item.Value) {", "if err == nil && !bytes.Equal(again.Value, item.Value) && false {"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"a board that was damaged on its way is not written back",
		[]edit{{"internal/news/inbox.go", "worth && whole {", "worth {"}}, unit("TestABoardThatIsDamagedOnItsWay", "internal/news"),
	},
	{
		"not all was heard that a damaged board may say",
		[]edit{{"internal/news/inbox.go", "!looked.IsZero() && all {", "!looked.IsZero() {"}}, unit("TestABoardThatIsDamagedOnItsWay", "internal/news"),
	},
	{
		"an instance that starts knows what has ended before it takes requests",
		[]edit{{"news.go", "	case <-caughtUp:\n", "	default:\n"}}, unit("TestAnInstanceThatHasJustStarted", "."),
	},
	{
		"a use is recorded later if no node is there",
		[]edit{{"background.go", "	if errors.Is(err, replica.ErrUnavailable) {\n		b.retry(j)", "	if false {\n		b.retry(j)"}}, unit("TestAReadBeforeAnOutageIsAUse", "."),
	},
	{
		"a refused connection makes the node unavailable, also for others",
		[]edit{{node, `	default:
		n.fail(err)
	}
	return err`, `	}
	return err`}}, unit("TestEvidence", "internal/node"),
	},
	{
		"a server without CAS is not used",
		[]edit{{node, "	case item.Token == 0:\n		return 0, nil, errNoCAS\n", ""}}, unit("TestAServerWithoutCAS", "internal/node"),
	},
	{
		"what a server has as its first epoch is read before it is used",
		[]edit{{node, "	return n.options.Prober.Get(ctx, n.options.EpochKey)", `	item, err := n.options.Prober.Get(ctx, n.options.EpochKey)
	item.Token = 1
	return item, err`}}, unit("TestAServerWithoutCAS", "internal/node"),
	},
	{
		"a node that was out of use while others were not is believed nothing when it is back",
		[]edit{{"internal/node/use.go", "n.Epoch() == 0 && n.OutOfUse()", "false"}}, unit("TestANodeThatNobodyUsed", "."),
	},
	{
		"nodes of a new list are compared when all have been looked at",
		[]edit{{"nodes.go", "		if r.node.OutOfUse() {", "		if false {"}}, unit("TestANodeThatNobodyUsed", "."),
	},
	{
		"a node is not marked before the others could be compared",
		[]edit{{"internal/node/use.go", "now.Sub(s.since) >= useEvery && ", ""}}, unit("TestAllNodesWereOutOfUse", "."),
	},
	{
		"who owes a node something says so time and again",
		[]edit{{"debts.go", "			d.say(ctx, d.due(false))\n", "			d.due(false)\n"}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"and when it ends",
		[]edit{{"debts.go", "			d.say(context.WithoutCancel(ctx), d.due(true))\n", ""}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"and when it has paid",
		[]edit{{"debts.go", "		delete(d.theirs, debt)\n	default:", "	default:"}}, unit("TestWhoOwesANodeGoesOn", "."),
	},
	{
		"who has not reached a node yet cannot give up what it is owed",
		[]edit{{"internal/replica/debts.go", "	case n.Epoch() == 0:\n		return false\n", "	case n.Epoch() == 0:\n		return true\n"}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"what a node has that has come back is compared for a while",
		[]edit{{"internal/node/node.go", "			n.returns()\n", ""}}, unit("TestANodeIsDoubted", "internal/node"),
	},
	{
		"what a node has that others owe something is compared with the others' copies",
		[]edit{{"debts.go", "	d.doubt(debt.Node)\n}\n\n// doubt", "}\n\n// doubt"}}, unit("TestAsymmetricPartition", "."),
	},
	{
		"a node that is not in the list any more is owed what is written without it",
		[]edit{{"internal/replica/save.go", "			a.store.strangers.add(c)\n", ""}}, unit("TestANodeThatIsListedAgain", "."),
	},
	{
		"what nobody waits for takes a tenth of the nodes' time",
		[]edit{{"internal/pace/pace.go", "	rest := min((share-1)*d, least*p.of(n))\n", "	rest := time.Duration(0)\n"}}, unit("TestPace", "internal/pace"),
	},
	{
		"a refill is of that kind",
		[]edit{{"walk.go", "	r.pace.Took(time.Since(began), len(keys))\n", "	_ = began\n"}}, unit("TestARefillYieldsToRequests", "."),
	},
	{
		"and so is what a node is owed",
		[]edit{{"internal/replica/courier.go", "		p.Took(time.Since(began), len(keys))\n", "		_ = began\n"}}, unit("TestTheCourierYieldsToRequests", "internal/replica"),
	},
	{
		"an epoch of which several know that it is to be replaced is replaced once",
		[]edit{{"internal/node/stale.go", "	n.stale.epoch = epoch\n", "	n.stale.all = true\n"}}, unit("TestAnEpochIsReplacedOnce", "internal/node"),
	},
	{
		"of two servers under one id only that is used which came into use last",
		[]edit{{"namesakes.go", "			n.Elsewhere(theirs, elsewhere)\n", ""}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"a node is used again when nobody reaches another server under its id any more",
		[]edit{{"internal/node/elsewhere.go", "case time.Now().Before(n.elsewhere):", "case true:"}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"idle connections do not outlive what their node was",
		[]edit{{"internal/node/pool.go", "	m.letGo()\n	m.dropIdle()\n", "	m.letGo()\n"}}, unit("TestIdleConnectionsOfANodeThatIsGivenUp", "internal/node"),
	},
	{
		"a list with a server that has just come into use is not used before all have heard of it",
		[]edit{{"namesakes.go", "		time.Sleep(news.Hearing)\n", ""}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"a server that was restarted is no other one",
		[]edit{{"namesakes.go", "		_ = n.Probe(ctx) // it", "			// it"}, {"internal/node/elsewhere.go", "	case !n.Since().Before(n.younger):", "	case false:"}}, unit("TestARestartIsNoOtherServer", "."),
	},
	{
		"of two nodes that are one server only the first is used",
		[]edit{{fit, "		return err\n", ""}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"the first of two nodes that are one server takes the place of the second",
		[]edit{{fit, "			other.fail(", "			_ = ("}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"of two nodes that are one server the second does not replace the epoch",
		[]edit{{node, "	if err := n.options.Servers.may(n, epoch); err != nil {\n		return 0, nil, err\n	}\n", ""}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"a server is used under its second name once the first leads nowhere",
		[]edit{{fit, "other.DownFor() < other.options.ProbeMax", "true"}}, unit("TestOneOfTwoNamesGoes", "internal/node"),
	},
	{
		"a server that gets another id is used",
		[]edit{{fit, "at < 0 || ", ""}}, unit("TestOneOfTwoNamesGoes", "internal/node"),
	},
	{
		"the log has the reason why a node is down again when it changes",
		[]edit{{node, "		n.tell(why)\n", ""}}, unit("TestTheLogHasTheReason", "internal/node"),
	},
	{
		"the log does not have one reason twice",
		[]edit{{"internal/node/trouble.go", "	case now:\n		return\n", ""}}, unit("TestTheLogHasTheReason", "internal/node"),
	},
	{
		"a server that hangs up once when it is asked for its keys is asked again",
		[]edit{{keys, "if errors.Is(err, errHangsUp) {", "if false {"}}, unit("TestWhoHangsUpWhenAskedForKeys", "internal/node"),
	},
	{
		"of a server that answers nothing it is not known that it lists no keys",
		[]edit{{keys, " && m.answers(ctx, prefix)", ""}}, unit("TestWhoHangsUpWhenAskedForKeys", "internal/node"),
	},
	{
		"a node that leads to several servers is not used",
		[]edit{{"internal/node/epochs.go", "		e.several = e.several || len(e.returns) >= mostReturns\n", ""}}, unit("TestOneNameOfSeveralServers", "internal/node"),
	},
	{
		"a probe does not bring back an epoch from before another was read",
		[]edit{{node, "		n.events++ // a probe may have read the epoch before\n", ""}}, unit("TestALateProbe", "internal/node"),
	},
}
