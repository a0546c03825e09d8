package mutants

// ofNodes are rules of the packages node and memcache.
var ofNodes = []mutant{
	{
		"N11", "a node of which nobody knows what is stale gets another epoch before it is used",
		[]edit{{node, "if epoch != 0 && !stale.of(epoch) && ", "if epoch != 0 && "}}, unit("TestEpoch", "internal/node"),
	},
	{
		"N12", "a node that fails during a probe stays down",
		[]edit{{node, `	if a.events != events {
		return nil, errFailed
	}`, ""}}, unit("TestEpoch", "internal/node"),
	},
	{
		"N2", "a probe that fails makes the node unavailable",
		[]edit{{node, "		n.fail(why)\n		n.report(why)\n", "		n.report(why)\n"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"N3", "who runs out of time has the node looked at",
		[]edit{{node, "	n.suspicion.timeouts.Add(1)\n	n.probeNow()\n", "	n.suspicion.timeouts.Add(1)\n"}}, unit("TestWhoRunsOutOfTimeHasTheNodeLookedAt", "internal/node"),
	},
	{
		"C3", "asking every node reads their epochs with the record",
		[]edit{{node, "	n.learn(epoch, before)\n", ""}}, copies.in("two of three nodes lose all"),
	},
	{
		"N12", "a node without an epoch has lost what it had",
		[]edit{{node, "	n.learn(epoch, before)\n", "	if epoch != 0 {\n		n.learn(epoch, before)\n	}\n"}}, copies.in("two of three nodes lose all"),
	},
	{
		"N10", "an epoch that was damaged on its way is no other one",
		[]edit{{node, "} else if e, ok := parseEpoch(read.Value); ok {", "} else if e, ok := parseEpoch(read.Value); ok || !ok {"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"N10", "what seems to be no epoch is read twice",
		[]edit{{node, "if err == nil && !bytes.Equal(again.Value, item.Value) {", "if err == nil && !bytes.Equal(again.Value, item.Value) && false {"}}, unit("TestEpoch", "internal/node"),
	},
	{
		"M4", "a mailbox that was damaged on its way is not written back",
		[]edit{{mailbox, "whole && (worth || b.isDue(", "(worth || b.isDue("}}, unit("TestAMailboxThatIsDamagedOnItsWay", "internal/mailbox"),
	},
	{
		"M4", "not all was received that a damaged mailbox may say",
		[]edit{{mailbox, "!probed.IsZero() && all {", "!probed.IsZero() {"}}, unit("TestAMailboxThatIsDamagedOnItsWay", "internal/mailbox"),
	},
	{
		"N20", "a server that wants no password gets none",
		[]edit{{"internal/memcache/secure.go", `"VERSION ") && o.Secrets == nil:`, `"VERSION "):`}}, unit("TestTLSAndPasswordsThatDoNotFit", "."),
	},
	{
		"N20", "a certificate that has ended on one node is no reason not to start",
		[]edit{{"internal/cluster/membership.go", "if len(misfits) == len(list) {", "if len(misfits) > 0 {"}}, unit("TestOneNodeWhoseCertificateHasEnded", "."),
	},
	{
		"H14", "a list of keys has a bound",
		[]edit{{"internal/memcache/keys.go", "		case n == most:\n", "		case false:\n"}}, unit("TestReadKeys", "internal/memcache"),
	},
	{
		"M15", "a message that no instance wrote is refused",
		[]edit{{"internal/seal/tag.go", "	return right == 1\n", "	return right >= 0\n"}}, unit("TestForgedMessages", "internal/mailbox"),
	},
	{
		"M15", "a message is for one mailbox",
		[]edit{{"internal/seal/tag.go", "	mac.Write([]byte(name))\n", ""}}, unit("TestForgedMessages", "internal/mailbox"),
	},
	{
		"M15", "what is forged does not stay",
		[]edit{{mailbox, "all-len(genuine) > maxMessages/4", "all < 0"}}, unit("TestForgedMessagesDoNotStay", "internal/mailbox"),
	},
	{
		"M15", "what messages set off has a bound",
		[]edit{{peers, "pace.Sleep(ctx, wait) == nil", "pace.Sleep(ctx, 0*wait) == nil"}}, unit("TestMessagesInAnyNumber", "internal/peers"),
	},
	{
		"M12", "an instance that starts waits until what has ended is overwritten",
		[]edit{{peers, "		p.finish(ctx)\n", ""}}, unit("TestAnInstanceThatHasJustStarted", "internal/peers"),
	},
	{
		"M12", "an instance that starts knows what has ended before it takes requests",
		[]edit{{peers, "	case <-caughtUp:\n", "	default:\n"}}, unit("TestAnInstanceThatHasJustStarted", "internal/peers"),
	},
	{
		"H3", "a use is recorded later if no node is there",
		[]edit{{repair, "	if errors.Is(err, replica.ErrUnavailable) {\n		q.retry(j)", "	if false {\n		q.retry(j)"}}, unit("TestAReadBeforeAnOutageIsAUse", "."),
	},
	{
		"N2", "a refused connection makes the node unavailable, also for others",
		[]edit{{node, "	case failure:\n		n.fail(err)\n", ""}}, unit("TestEvidence", "internal/node"),
	},
	{
		"N14", "a server without CAS is not used",
		[]edit{{node, "	case item.Token == 0:\n		return 0, memcache.Item{}, errNoCAS\n", ""}}, unit("TestAServerWithoutCAS", "internal/node"),
	},
	{
		"N14", "what a server has as its first epoch is read before it is used",
		[]edit{{node, "	return p.client.Get(ctx, p.epochKey)", `	item, err := p.client.Get(ctx, p.epochKey)
	item.Token = 1
	return item, err`}}, unit("TestAServerWithoutCAS", "internal/node"),
	},
	{
		"N15", "a node that was out of use while others were not is believed nothing when it is back",
		[]edit{{node, "n.Epoch() == 0 && n.OutOfUse()", "false"}}, unit("TestANodeThatNobodyUsed", "."),
	},
	{
		"N15", "nodes of a new list are compared when all have been looked at",
		[]edit{{cluster, "		if r.node.OutOfUse() {", "		if false {"}}, unit("TestANodeThatNobodyUsed", "."),
	},
	{
		"N15", "a node is not marked before the others could be compared",
		[]edit{{node, "now.Sub(s.since) >= useEvery && ", ""}}, unit("TestAllNodesWereOutOfUse", "."),
	},
	{
		"H9", "who owes a node something says so time and again",
		[]edit{{peers, "			d.say(context.WithoutCancel(ctx), d.due(false)) // Paid is said once\n", "			d.due(false)\n"}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"H9", "and when it ends",
		[]edit{{peers, "			d.say(context.WithoutCancel(ctx), d.due(true))\n", ""}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"H9", "and when it has paid",
		[]edit{{peers, "		delete(d.theirs, debt)\n	default:", "	default:"}}, unit("TestWhoOwesANodeGoesOn", "."),
	},
	{
		"H10", "who has not reached a node yet cannot give up what it is owed",
		[]edit{{replica, "	case n.Epoch() == 0:\n		return false\n", "	case n.Epoch() == 0:\n		return true\n"}}, unit("TestWhoOwesANodeEnds", "."),
	},
	{
		"N13", "what a node has that has come back is compared for a while",
		[]edit{{node, "			n.doubt.comeBack()\n", ""}}, unit("TestANodeIsDoubted", "internal/node"),
	},
	{
		"N13", "what a node has that others owe something is compared with the others' copies",
		[]edit{{peers, "	d.doubt(debt.Node)\n}\n\n// doubt", "}\n\n// doubt"}}, unit("TestAsymmetricPartition", "."),
	},
	{
		"H11", "a node that is not in the list any more is owed what is written without it",
		[]edit{{replica, "		a.store.strangers.add(c)\n", "		_ = c\n"}}, unit("TestANodeThatIsListedAgain", "."),
	},
	{
		"H8", "what nobody waits for takes a tenth of the nodes' time",
		[]edit{{"internal/pace/pace.go", "	rest := min((share-1)*d, least*p.of(n))\n", "	rest := time.Duration(0)\n"}}, unit("TestPace", "internal/pace"),
	},
	{
		"H8", "a refill is of that kind",
		[]edit{{repair, "	r.pace.Took(time.Since(began), len(keys))\n", "	_ = began\n"}}, unit("TestARefillYieldsToRequests", "internal/repair"),
	},
	{
		"H8", "and so is what a node is owed",
		[]edit{{replica, "		p.Took(time.Since(began), len(keys))\n", "		_ = began\n"}}, unit("TestTheCourierYieldsToRequests", "internal/replica"),
	},
	{
		"H10", "an epoch of which several know that it is to be replaced is replaced once",
		[]edit{{node, "	n.availability.stale.epoch = epoch\n", "	n.availability.stale.all = true\n"}}, unit("TestAnEpochIsReplacedOnce", "internal/node"),
	},
	{
		"N16", "of two servers under one id only that is used which came into use last",
		[]edit{{peers, "			n.Elsewhere(theirs, elsewhere)\n", ""}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"N16", "a node is used again when nobody reaches another server under its id any more",
		[]edit{{node, "case now.Before(a.rival.until):", "case true:"}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"N6", "idle connections do not outlive what their node was",
		[]edit{{memcache, "	p.cancelWaits()\n	p.dropIdle()\n", "	p.cancelWaits()\n"}}, unit("TestIdleConnectionsOfANodeThatIsGivenUp", "internal/memcache"),
	},
	{
		"N17", "a list with a server that has just come into use is not used before all have heard of it",
		[]edit{{peers, "		time.Sleep(mailbox.MaxDelay)\n", ""}}, unit("TestAnotherServerUnderANodesID", "."),
	},
	{
		"N16", "a server that was restarted is no other one",
		[]edit{{peers, "		_ = n.Probe(ctx) // it", "			// it"}, {node, "	case !since.Before(a.rival.since):", "	case false:"}}, unit("TestARestartIsNoOtherServer", "."),
	},
	{
		"N14", "of two nodes that are one server only the first is used",
		[]edit{{"internal/node/servers.go", "		return err\n", ""}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"N14", "the first of two nodes that are one server takes the place of the second",
		[]edit{{node, "			other.fail(", "			_ = ("}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"N14", "of two nodes that are one server the second does not replace the epoch",
		[]edit{{node, "	if err := n.options.Servers.may(n, epoch); err != nil {\n		return 0, nil, err\n	}\n", ""}}, unit("TestTwoNodesOfOneServer", "internal/node"),
	},
	{
		"N14", "a server is used under its second name once the first leads nowhere",
		[]edit{{node, "other.DownFor() < probeMax", "true"}}, unit("TestOneOfTwoNamesGoes", "internal/node"),
	},
	{
		"N14", "a server that gets another id is used",
		[]edit{{node, "at < 0 || ", ""}}, unit("TestOneOfTwoNamesGoes", "internal/node"),
	},
	{
		"N9", "the log has the reason why a node is down again when it changes",
		[]edit{{node, "		n.report(why)\n", ""}}, unit("TestTheLogHasTheReason", "internal/node"),
	},
	{
		"N9", "the log does not have one reason twice",
		[]edit{{node, "	case now:\n		return \"\"\n", ""}}, unit("TestTheLogHasTheReason", "internal/node"),
	},
	{
		"H14", "a server that hangs up once when it is asked for its keys is asked again",
		[]edit{{memcache, "if errors.Is(err, errHangsUp) {", "if false {"}}, unit("TestWhoHangsUpWhenAskedForKeys", "internal/memcache"),
	},
	{
		"H14", "of a server that answers nothing it is not known that it lists no keys",
		[]edit{{memcache, " && m.answers(ctx, prefix)", ""}}, unit("TestWhoHangsUpWhenAskedForKeys", "internal/memcache"),
	},
	{
		"N14", "a node that leads to several servers is not used",
		[]edit{{node, "		h.several = h.several || len(h.returns) >= mostReturns\n", ""}}, unit("TestOneNameOfSeveralServers", "internal/node"),
	},
	{
		"N12", "a probe does not bring back an epoch from before another was read",
		[]edit{{node, "		a.events++ // a probe may have read the epoch before\n", ""}}, unit("TestALateProbe", "internal/node"),
	},
	{
		"H10", "an old message of what was owed does not count",
		[]edit{{"internal/peers/debts.go", "if time.Since(m.At) > mailbox.Retention && (", "if false && ("}}, unit("TestADebtThatNobodyOwes", "internal/peers"),
	},
	{
		"H10", "who has read no messages does not take a debtor for ended",
		[]edit{{peers, "if time.Since(d.heard) > 2*owesAfter {", "if false {"}}, unit("TestADebtThatNobodyOwes", "internal/peers"),
	},
	{
		"H15", "a refill that ended without a node is followed by another one when that is back",
		[]edit{{repair, " || anyBack(w.cluster, last.lacks())", ""}}, unit("TestANodeThatIsAwayDuringARefill", "internal/repair"),
	},
	{
		"N15", "a damaged mark of use counts as not read",
		[]edit{{node, "if len(b) != markLength || !ok {", "if len(b) != markLength {"}}, unit("TestADamagedMark", "internal/node"),
	},
	{
		"N17", "a node with the same id and address in a new list is the same node",
		[]edit{{cluster, "at := place{spec.ID, spec.Address}", "at := place{spec.ID, fmt.Sprint(spec.Address, m.made)}"}}, unit("TestANewListKeepsItsNodes", "internal/cluster"),
	},
	{
		"N17", "a new list is not used before its new nodes were looked at",
		[]edit{{cluster, "	probes.Wait()\n", ""}}, unit("TestANewListIsLookedAtFirst", "internal/cluster"),
	},
	{
		"I3", "clients do not choose where their requests look",
		[]edit{{"internal/sid", "	mac.Write(st.place)\n", ""}}, unit("TestNodeAndRouteAreSigned", "internal/sid"),
	},
	{
		"N8", "what a server says after its answer is no answer to the next command",
		[]edit{{"internal/memcache", "		if r.over {\n", "		if false {\n"}}, unit("TestMoreThanAnAnswer", "internal/memcache"),
	},
	{
		"N21", "in a full in-memory node a flood drives out itself",
		[]edit{{memcache, "it.fresh = !there", "it.fresh = false"}}, unit("TestAFloodDrivesOutItself", memcache),
	},
	{
		"N21", "what is new has a part of the memory all the same",
		[]edit{{memcache, "(s.fresh.bytes > s.most/freshShare || s.asked.list.Len() == 0)", "true"}}, unit("TestAFloodDrivesOutItself", memcache),
	},
}
