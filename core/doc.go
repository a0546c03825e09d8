// Package msm keeps HTTP sessions in memcached, so that they survive the crash of the app instance that made them and
// of the memcached node that holds them.
//
// A program makes one Manager from a Config. The manager's Middleware, or an adapter for a framework, gives every
// request a Session.
//
//	m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
//	...
//	var visits = msm.NewKey[int]("visits")
//
//	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		n := visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 })
//		fmt.Fprintln(w, "visit", n)
//	}))
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	err = m.ListenAndServe(ctx, &http.Server{Addr: ":8080", Handler: app}, 8*time.Second)
//
// Every session has a primary node, which its id names, and a backup node. What a request changes is on both before the
// first byte of its response is sent. If a node fails, requests go on with the other copy, the session gets another
// node, and the client a cookie that names it. A node that comes back is filled again, also with sessions that nobody
// visits. Config.Backups and Config.Sticky change how many copies there are, and when they are written.
package msm
