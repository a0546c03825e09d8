package examples

import (
	"encoding/base64"
	"strings"
	"time"
)

// rollingChanges are changes of settings, with the steps of the docs. Each ends with what it began with.
var rollingChanges = []scenario{
	{name: "the mode is changed, and back", play: (*arena).changeMode},
	{name: "signing keys are switched on, changed and switched off", play: func(a *arena) { // docs/keys.md
		old, next := aKey("o"), aKey("n")
		until := time.Now().Add(time.Hour).Format(time.RFC3339)
		a.rollWith(
			settings{"MSM_SIGNING_KEYS": old, "MSM_UNSIGNED_UNTIL": until},
			settings{"MSM_UNSIGNED_UNTIL": ""},
		)
		a.rollWith(
			settings{"MSM_SIGNING_KEYS": old + "," + next},
			settings{"MSM_SIGNING_KEYS": next + "," + old},
			settings{"MSM_SIGNING_KEYS": next},
		)
		a.rollWith(
			settings{"MSM_UNSIGNED_UNTIL": until},
			settings{"MSM_SIGNING_KEYS": "", "MSM_UNSIGNED_UNTIL": ""},
		)
	}},
	{name: "the transcoder is changed to JSON, and back", play: func(a *arena) { // README
		a.rollWith(settings{"MSM_TRANSCODER": "json"}, settings{"MSM_TRANSCODER": ""})
	}},
	{name: "the transcoder is changed to gob, and back", play: func(a *arena) { // its sessions go on being read
		a.rollWith(settings{"MSM_READ_TRANSCODERS": "gob"}, settings{"MSM_TRANSCODER": "gob"}, settings{"MSM_TRANSCODER": ""})
	}},
}

func aKey(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

// changeMode changes the mode, and changes it back. Sticky instances need a sticky balancer: from before the first of
// them starts until after the last has ended.
func (a *arena) changeMode() {
	other := settings{"MSM_STICKY": "true", "MSM_BACKUPS": "1", "MSM_BACKUP_ASYNC": "false"}
	before := settings{"MSM_STICKY": "", "MSM_BACKUPS": "", "MSM_BACKUP_ASYNC": ""}
	if a.mode.sticky() {
		other, before = before, a.mode.env
	}
	a.balance(true)
	a.rollWith(other)
	a.balance(!a.mode.sticky())
	a.calm()
	a.balance(true)
	a.rollWith(before)
	a.balance(a.mode.sticky())
}

// balance says whether the balancer is sticky: it sends requests to the instance that their id names, or to any.
func (a *arena) balance(sticky bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sticky = sticky
}
