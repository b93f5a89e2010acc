package event

import (
	"encoding/binary"
	"encoding/json"

	"github.com/sluicepay/sluice/platform/jsonpack"
)

// content is what the log keeps of an event's object and previous attributes: the
// object's length, and the two behind one another, packed. Whoever reads them goes
// through row.event.
func (e Event) content() []byte {
	text := make([]byte, 0, binary.MaxVarintLen32+len(e.Object)+len(e.Previous))
	text = append(text, e.Object...)
	packed := jsonpack.Pack(append(text, e.Previous...))
	out := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen32+len(packed)), uint64(len(e.Object)))
	return append(out, packed...)
}

func split(content []byte) (object, previous json.RawMessage, err error) {
	length, n := binary.Uvarint(content)
	if n <= 0 {
		return nil, nil, jsonpack.ErrDamaged
	}
	text, err := jsonpack.Unpack(content[n:])
	if err != nil {
		return nil, nil, err
	}
	if length == 0 || length > uint64(len(text)) {
		return nil, nil, jsonpack.ErrDamaged
	}
	object = text[:length:length]
	if rest := text[length:]; len(rest) > 0 {
		previous = rest
	}
	return object, previous, nil
}
