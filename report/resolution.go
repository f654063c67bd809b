package report

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// withResolution inserts the chunk that gives a PNG its size in print (PNG
// specification, third edition, 11.3.4.3), after the header, which is 33 bytes long
// with the signature.
func withResolution(file []byte, dpi float64) []byte {
	const head = 33
	chunk := make([]byte, 0, 21)
	chunk = binary.BigEndian.AppendUint32(chunk, 9)
	chunk = append(chunk, "pHYs"...)
	perMetre := uint32(math.Round(dpi / 0.0254))
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(chunk, 1)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	out := make([]byte, 0, len(file)+len(chunk))
	out = append(out, file[:head]...)
	out = append(out, chunk...)
	return append(out, file[head:]...)
}
