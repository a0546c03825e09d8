package sid

import "testing"

// FuzzParse checks that no text makes Parse panic, that an accepted id has only one spelling except for its tag, and
// that no key contains a byte that a client chose. The seeds under testdata have ids signed with the keys below, which
// the fuzzer could not make.
func FuzzParse(f *testing.F) {
	formats := []*Format{newFormat(f, "MSESSION"), newFormat(f, "MSESSION", key('c'), key('f'))}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range formats {
			id, outdated, ok := format.Parse(text)
			spelled := format.Spell(id)
			if ok && format.signer == nil && len(text) > len(spelled) { // a tag that is not checked
				spelled = spelled[:randomLength] + text[randomLength:signedLength] + spelled[randomLength:]
			}
			if ok && !outdated && spelled != text {
				t.Errorf("Parse(%q) = %+v, which is spelled %q", text, id, spelled)
			}
			if outdated && (len(spelled) != len(text) || spelled[:randomLength] != text[:randomLength]) {
				t.Errorf("Parse(%q) = %+v, which is spelled %q", text, id, spelled)
			}
			if !ok && (outdated || !id.IsZero()) {
				t.Errorf("Parse(%q) refused and answered %+v", text, id)
			}
			if ok && (id.Node != "" && !ValidNode(id.Node) || id.Route != "" && !ValidRoute(id.Route)) {
				t.Errorf("Parse(%q) = %+v with a bad node or route", text, id)
			}
			checkKey(t, id.Token)
		}
		checkKey(t, text) // also with a token that Parse has never seen
	})
}

func checkKey(t *testing.T, token string) {
	for _, kind := range []Kind{Record, Lock} {
		if key := Key("", kind, token); !harmless(key) {
			t.Errorf("Key of %q is %q", token, key)
		}
	}
}
