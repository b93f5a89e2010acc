package jsonpack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicepay/sluice/platform/jsonpack"
)

// samples are objects of every kind of event.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../event/catalogue/samples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples: ", err)
	}
	objects := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Data struct{ Object json.RawMessage }
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Compact(&b, e.Data.Object); err != nil {
			t.Fatal(err)
		}
		objects[filepath.Base(file)] = b.Bytes()
	}
	return objects
}

func TestWhatIsPackedComesBackByteForByte(t *testing.T) {
	t.Parallel()
	for name, object := range samples(t) {
		back, err := jsonpack.Unpack(jsonpack.Pack(object))
		if err != nil || !bytes.Equal(back, object) {
			t.Errorf("%s came back as %q (%v)", name, back, err)
		}
	}
	piece := rapid.SampledFrom([]string{`{"id":"ch_`, `"object":"charge"`, `,"amount":`, "\x00", "ü", "\n", `"livemode":false`})
	rapid.Check(t, func(t *rapid.T) {
		var text []byte
		for _, part := range rapid.SliceOfN(rapid.OneOf(piece, rapid.String()), 0, 40).Draw(t, "parts") {
			text = append(text, part...)
		}
		packed := jsonpack.Pack(text)
		if len(packed) > len(text)+1 {
			t.Fatalf("%d bytes became %d", len(text), len(packed))
		}
		back, err := jsonpack.Unpack(packed)
		if err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%q came back as %q (%v)", text, back, err)
		}
	})
}

func TestObjectsOfPaymentsShrinkToAThird(t *testing.T) {
	t.Parallel()
	objects := samples(t)
	for _, name := range []string{"charge.succeeded.json", "payment.created.json", "payment_intent.succeeded.json", "payout.paid.json", "account.updated.json"} {
		if packed := jsonpack.Pack(objects[name]); 3*len(packed) > len(objects[name]) {
			t.Errorf("%s: %d bytes became %d", name, len(objects[name]), len(packed))
		}
	}
}

// What databases hold was written with these bytes. A dictionary that is to be
// better gets the next number and a file of its own.
func TestADictionaryNeverChanges(t *testing.T) {
	t.Parallel()
	words, err := os.ReadFile("dictionary1.txt")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(words); hex.EncodeToString(sum[:]) != "0200cd7464822edd1ebdf10896bd09f1b3efd2a3635effcd52ff5bc02434899f" {
		t.Errorf("dictionary1.txt is another one: %x", sum)
	}
	kept, err := hex.DecodeString("01690d006074725f303335374455783347444a434d484c627a734a6431722ee705114262e90526db0a0e93561100143a747275657d")
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"id":"tr_0357DUx3GDJCMHLbzsJd1r","object":"transfer","amount":60000,"amount_reversed":0,"livemode":true}`
	if back, err := jsonpack.Unpack(kept); err != nil || string(back) != text {
		t.Errorf("what was packed by the first version reads %q (%v), packed now %x", back, err, jsonpack.Pack([]byte(text)))
	}
}

func TestWhatIsDamagedIsNotRead(t *testing.T) {
	t.Parallel()
	whole := jsonpack.Pack(samples(t)["charge.succeeded.json"])
	for name, packed := range map[string][]byte{
		"nothing": {}, "a later format": {9, 1, 2}, "cut off": whole[:len(whole)/2], "a length beyond all": {1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0},
	} {
		if text, err := jsonpack.Unpack(packed); !errors.Is(err, jsonpack.ErrDamaged) {
			t.Errorf("%s reads %q (%v)", name, text, err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	object := samples(b)["charge.succeeded.json"]
	for b.Loop() {
		jsonpack.Pack(object)
	}
}

func BenchmarkUnpack(b *testing.B) {
	packed := jsonpack.Pack(samples(b)["charge.succeeded.json"])
	for b.Loop() {
		if _, err := jsonpack.Unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}
