package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version of a build that does not know its own.
const release = "0.1.0-dev"

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return release
	}
	return info.Main.Version
}

// build tells one build of a version from another, for what must not go on with
// other code than it was begun with. The version of a release, or of a clean
// checkout, does by itself. Any other build, from a changed checkout or without
// a record of the revision, is told by the SHA-256 of its executable, which is
// that of the sources, the compiler and its flags: building again gives the same.
// An executable that cannot be read leaves the version alone.
func build() string {
	v := version()
	if v != release && !strings.HasSuffix(v, "+dirty") {
		return v
	}
	path, err := os.Executable()
	if err != nil {
		return v
	}
	return named(v, path)
}

// named is a version with the first bytes of the SHA-256 of an executable.
func named(version, path string) string {
	f, err := os.Open(path)
	if err != nil {
		return version
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return version
	}
	return fmt.Sprintf("%s (build %x)", version, h.Sum(nil)[:8])
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.does(func([]string) error {
			v := struct {
				Version  string `json:"version"`
				Build    string `json:"build"` // as in a manifest: tells builds of a version apart
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{version(), build(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(v, func(b *bytes.Buffer) {
				fmt.Fprintf(b, "metalqr %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			})
		}),
	}
}
