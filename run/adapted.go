package run

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// Keep writes the adapted gains to adapted.csv and adapted.npy in a directory,
// which is made where there is none. Where either file exists, nothing is
// written and the error is a *[DirectoryError].
func (a *Adaptation) Keep(dir string) error {
	gains := a.AdaptedGains()
	return keepNew(dir, map[string][]byte{adaptedCSV: GainsCSV(gains), adaptedNPY: GainsNPY(gains)})
}

// Keep writes files into a directory, by name, which is made where there is none.
// Where one of them exists, nothing is written and the error is a *[DirectoryError].
func Keep(dir string, files map[string][]byte) error { return keepNew(dir, files) }

// keepNew writes files into a directory, all or, where one exists, none.
func keepNew(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	d := &directory{path: dir}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(d.file(name)); err == nil {
			return &DirectoryError{Path: d.file(name), Problem: "exists: give another --out"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range names {
		if err := d.write(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}
