package run

import (
	"errors"
	"io/fs"
	"os"
)

// Keep writes the adapted gains to adapted.csv and adapted.npy in a directory,
// which is made where there is none. Where either file exists, nothing is
// written and the error is a *[DirectoryError].
func (a *Adaptation) Keep(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	d, gains := &directory{path: dir}, a.AdaptedGains()
	files := []struct {
		name string
		data []byte
	}{{adaptedCSV, GainsCSV(gains)}, {adaptedNPY, GainsNPY(gains)}}
	for _, f := range files {
		if _, err := os.Lstat(d.file(f.name)); err == nil {
			return &DirectoryError{Path: d.file(f.name), Problem: "exists: give another --out"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, f := range files {
		if err := d.write(f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}
