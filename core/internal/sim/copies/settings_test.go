package copies

import "time"

// settings are the environment in which a seed plays. apps are instances, clients are visitors at a time, parallel are
// requests at a time, and faults are the kinds of faults.
type settings struct {
	name                                           string
	nodes, apps, clients, parallel, steps, backups int
	faults                                         []string
	then                                           string          // a fault that some are followed by without a repair in between; empty: none
	many                                           bool            // faults come while others last: only safety is promised
	refill                                         bool            // after a fault a refill repairs, and not visits
	skew                                           time.Duration   // by how much clocks differ from the true time at most
	pace                                           time.Duration   // of a step; zero: 1 ms
	lasts                                          int             // steps that a fault lasts at least; zero: 30
	atOnce                                         int             // faults that begin at the same moment; zero: 1
	lasting                                        bool            // no request ends a session
	old                                            float64         // share of requests with any of a visitor's cookies; zero: 1/6
	slow                                           float64         // share of writing handlers that first do something else for long
	alone                                          float64         // share of requests that have a lock
	halts                                          []time.Duration // how long an instance is halted; none: for no time at all
	leaps                                          []time.Duration // how far time leaps now and then, when nothing is under way
	idles                                          bool            // requests change the idle timeout
	fewer                                          bool            // one instance has one backup less
	lists                                          bool            // the instances' lists of nodes change
	late                                           float64         // share of the answers that come many operations later
	sticky                                         bool            // an instance knows what it has stored itself
}

// every is every fault that one node or one instance may have.
var every = []string{
	"kill", "stop", "restart", "restart warm", "cut", "lossy", "slow", "full", "evict", "evict epoch", "crash", "isolate",
}

// ofNodes are the faults after which a refill should be enough.
var ofNodes = []string{"kill", "stop", "restart", "cut", "lossy", "slow", "full"}

// wipes are the faults in which a node loses a session.
var wipes = []string{"kill", "restart", "evict"}

// table is the list of settings, with which the seeds take turns.
var table = []settings{
	{name: "three nodes, one fault at a time", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: every},
	{name: "two nodes, one fault at a time", nodes: 2, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: every},
	{name: "many parallel requests, no fault", nodes: 3, apps: 3, clients: 1, parallel: 8, steps: 400, backups: 1},
	{name: "replies of one node get lost", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"lossy"}},
	{name: "one instance is cut off from one node", nodes: 3, apps: 2, clients: 2, parallel: 4, steps: 800, backups: 1, faults: []string{"cut"}, lasts: 150, old: 0.5},
	{name: "four nodes and two backups", nodes: 4, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 2, faults: every},
	{name: "three nodes that are refilled", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: ofNodes, refill: true},
	{name: "two nodes that are refilled", nodes: 2, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: ofNodes, refill: true},
	{name: "clocks that differ", nodes: 3, apps: 3, clients: 3, parallel: 6, steps: 800, backups: 1, faults: every, skew: 25 * time.Second},
	{name: "old cookies while a node fails", nodes: 3, apps: 2, clients: 2, parallel: 4, steps: 800, backups: 1, faults: []string{"stop", "lossy", "slow"}, lasts: 60, old: 0.5},
	{name: "requests that take seconds", nodes: 3, apps: 2, clients: 3, parallel: 6, steps: 500, backups: 1, faults: []string{"stop", "slow", "evict"}, pace: 100 * time.Millisecond},
	{name: "a copy is evicted among many writers", nodes: 2, apps: 2, clients: 1, parallel: 12, steps: 600, backups: 1, faults: []string{"evict"}, lasting: true},
	{name: "lost replies among many old cookies", nodes: 2, apps: 2, clients: 3, parallel: 10, steps: 800, backups: 1, faults: []string{"lossy"}, old: 0.5, lasts: 60},
	{name: "two of four nodes lose all at once", nodes: 4, apps: 2, clients: 1, parallel: 8, steps: 800, backups: 2, faults: []string{"restart", "kill"}, atOnce: 2, lasting: true},
	{name: "two of three nodes lose all at once", nodes: 3, apps: 2, clients: 2, parallel: 8, steps: 800, backups: 2, faults: []string{"restart", "kill"}, atOnce: 2, lasting: true},
	{name: "instances stand still among slow handlers", nodes: 3, apps: 2, clients: 2, parallel: 8, steps: 800, backups: 1, faults: []string{"halt", "halt", "slow"}, slow: 0.3},
	{name: "instances stand still for long", nodes: 3, apps: 2, clients: 1, parallel: 8, steps: 800, backups: 1, faults: []string{"halt"}, halts: long, lasts: 40},
	{name: "locks, while instances crash and stand still", nodes: 3, apps: 2, clients: 2, parallel: 6, steps: 800, backups: 1, faults: []string{"crash", "halt", "lossy"}, alone: 0.5, slow: 0.2},
	{name: "slow handlers, no fault", nodes: 3, apps: 2, clients: 3, parallel: 6, steps: 800, backups: 1, slow: 0.3, leaps: append(long, 75*time.Minute)},
	{name: "slow handlers while nodes fail", nodes: 3, apps: 2, clients: 2, parallel: 6, steps: 800, backups: 1, slow: 0.3, faults: every},
	{name: "old cookies among many writes", nodes: 3, apps: 2, clients: 1, parallel: 6, steps: 800, backups: 1, faults: []string{"cut"}, lasts: 300, old: 0.3, lasting: true, sticky: true},
	{name: "old cookies, and clocks that differ", nodes: 3, apps: 2, clients: 1, parallel: 6, steps: 800, backups: 1, faults: []string{"cut"}, lasts: 150, old: 0.3, lasting: true, sticky: true, skew: 25 * time.Second},
	{name: "one list lacks a node", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"unlisted"}, lasts: 150, old: 0.4, lists: true},
	{name: "a node is removed, and added again", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"removed"}, lasts: 60, lists: true},
	{name: "a node gets another id at one instance", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"renamed"}, lasts: 60, lists: true},
	{name: "instances with fewer backups", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: ofNodes, fewer: true},
	{name: "idle timeouts that change", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"stop", "cut", "restart warm"}, lasts: 150, idles: true, leaps: []time.Duration{time.Minute, 15 * time.Minute, 75 * time.Minute}},
	{name: "several faults at a time", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: every, many: true},
	{name: "a node goes on, and another one dies", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"stop", "slow"}, then: "kill"},
	{name: "answers of one node are damaged", nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"corrupt"}, lasts: 60, old: 0.3},
	{name: "answers come late while a node hangs", nodes: 3, apps: 2, clients: 2, parallel: 4, steps: 800, backups: 1, faults: []string{"stop", "lossy", "slow"}, pace: 50 * time.Millisecond, late: 0.1, old: 0.5},
	{name: "answers of two nodes come late", nodes: 2, apps: 2, clients: 3, parallel: 6, steps: 800, backups: 1, faults: every, late: 0.1, old: 0.5},
}

// backupsOf returns the number of backups that an instance is configured with.
func (s settings) backupsOf(instance string) int {
	if s.fewer && instance == "i1" {
		return s.backups - 1
	}
	return s.backups
}

// long are lengths of halts: longer than a node's messages live, or than a request is remembered.
var long = []time.Duration{12 * time.Second, 65 * time.Second}
