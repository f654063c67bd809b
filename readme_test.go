package metalqr_test

import (
	"os"
	"strings"
	"testing"
)

// The program in the README is the body of Example, which is compiled and run.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(source), "func Example() {\n")
	body = strings.TrimSuffix(body, "}\n")
	if !ok || !strings.Contains(string(readme), "```go\n"+dedent(body)+"```") {
		t.Errorf("README.md does not show the body of Example:\n%s", dedent(body))
	}
}

func dedent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "\t")
	}
	return strings.Join(lines, "\n")
}
