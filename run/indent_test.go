package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"testing"
)

// What the indenter writes is what json.MarshalIndent makes, and a newline.
func TestIndenter(t *testing.T) {
	for _, v := range []any{
		nil, 1.5, "", `a"b\`, "<{[:,]}>\\\"\n", []int{}, map[string]int{}, []any{[]any{}, map[string]any{"x": []any{[]int{1}, "y"}, "z": nil}},
		&Result{Family: "a: {b}", Gap: infinite, Tasks: []TaskResult{{Name: `"`, Weight: Number(math.NaN())}}},
	} {
		want, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		w := bufio.NewWriterSize(&got, 16)
		if err := json.NewEncoder(&indenter{w: w}).Encode(v); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if !bytes.Equal(got.Bytes(), append(want, '\n')) {
			t.Errorf("%s\nwant\n%s", &got, want)
		}
	}
}
