package msm

import (
	"fmt"

	"github.com/gomsm/msm/core/internal/record"
)

// draft is a session as its request sees it: the record that was loaded, and what the request has changed since.
type draft struct {
	base      *record.Record // as it was loaded or stored last, never changed; nil: there is no stored session
	work      *record.Record // base with the changes; nil: there are none
	list      changes        // the changes, in order
	inline    [2]change      // backing array of list, which saves an allocation; see changes.detached
	exclusive bool           // it has the lock, or LockAuto took it for read-only: a clash is a conflict; see reapply
}

// view returns the record that reads see; nil if there is no session.
func (d *draft) view() *record.Record {
	if d.work != nil {
		return d.work
	}
	return d.base
}

// exists reports whether there is a stored session, or will be one.
func (d *draft) exists() bool { return d.base != nil || d.work != nil }

// attribute returns an attribute's encoded value.
func (d *draft) attribute(name string) ([]byte, bool) {
	if d.view() == nil {
		return nil, false
	}
	return d.view().Get(name)
}

// apply makes a change to the record that reads see, and adds it to the list. There must be a session.
func (d *draft) apply(c change) {
	if d.work == nil {
		d.work = d.base.Draft()
	}
	c.apply(d.work)
	if d.list == nil {
		d.list = d.inline[:0]
	}
	d.list.add(c)
}

// drop drops the changes.
func (d *draft) drop() { d.work, d.list = nil, nil }

// rebase replaces the record that was loaded, and applies the changes to the new one.
func (d *draft) rebase(rec *record.Record) error {
	d.base, d.work = rec, nil
	if len(d.list) == 0 {
		return nil
	}
	d.work = rec.Draft()
	return d.list.replay(d.work)
}

// reapply applies the changes to a record that another request has stored meanwhile. A request that should have been the
// only one, because it has the lock or LockAuto took it for read-only, must not overwrite what it has not seen (rule K9).
func (d *draft) reapply(rec *record.Record) error {
	if d.exclusive {
		if name, clash := d.list.clash(d.base, rec); clash {
			return fmt.Errorf("%w: another request has changed %q, which this one was to have for itself", ErrConflict, name)
		}
	}
	return d.list.replay(rec)
}
