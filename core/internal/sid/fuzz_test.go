package sid

import "testing"

// FuzzParse: no text panics, what is accepted has this one spelling, but for its tag, and no key holds a byte that a client
// chose. The seeds under testdata hold signed ids of the keys below; the fuzzer could not make one.
func FuzzParse(f *testing.F) {
	formats := []*Format{newFormat(f, "MSESSION"), newFormat(f, "MSESSION", key('c'), key('f'))}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range formats {
			id, outdated, ok := format.Parse(text)
			spelled := format.Spell(id)
			if ok && format.signer == nil && len(text) > len(spelled) { // a tag that nobody looks at
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
		checkKey(t, text) // also of a token that never went through Parse
	})
}

func checkKey(t *testing.T, token string) {
	for _, kind := range []Kind{Record, Lock} {
		if key := Key("", kind, token); !harmless(key) {
			t.Errorf("Key of %q is %q", token, key)
		}
	}
}
