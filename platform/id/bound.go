package id

import (
	"encoding/binary"
	"time"
)

// First is the lowest id that New can have made at a time: what is older sorts
// before it (collation C), what is made then or later does not.
func First(prefix string, at time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(at.UnixMilli())<<16)
	return prefix + "_" + encode(raw)
}
