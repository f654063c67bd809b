package run

import (
	"context"
	"fmt"
	"os"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
)

// A Destination says where a training run is kept.
type Destination struct {
	Root    string   // where numbered directories go when Path is empty; "" means "runs"
	Path    string   // a directory of this name; it must not exist, unless Resume
	Resume  bool     // continue the run in Path, or begin it if there is none
	Command []string // for the manifest
	Version string   // of the program, which tells its builds apart: a run is resumed by the same
}

// check refuses early what [fresh] would refuse after the work of the start.
func (to *Destination) check() error {
	if to.Resume && to.Path == "" {
		return fmt.Errorf("%w: to resume, name the directory", ErrInput)
	}
	if to.Path == "" || to.Resume {
		return nil
	}
	if _, err := os.Lstat(to.Path); err == nil {
		return existsError(to.Path)
	}
	return nil
}

// Train trains on a family and keeps the run in a directory: the spec as run,
// trace, times and checkpoints while it goes, result, gains and a manifest
// with the SHA-256 of each at the end.
//
// A run killed at any moment and resumed ends with the same bits in every
// hashed file as one undisturbed. A cancelled ctx saves the newest iterate and
// returns the context's error beside the directory's path.
//
// ready, if not nil, is called with the trainer before the first step, and
// observe after every iteration. Errors are those of [NewProblem],
// [NewTrainer] and [Trainer.Run], and *[DirectoryError].
func Train(ctx context.Context, f *family.Family, to Destination, ready func(*Trainer), observe func(maml.Record)) (*Result, string, error) {
	if err := to.check(); err != nil {
		return nil, "", err
	}
	p, err := NewProblem(f)
	if err != nil {
		return nil, "", err
	}
	t, err := NewTrainer(ctx, p)
	if err != nil {
		return nil, "", err
	}
	spec := family.Format(f)
	var dir *directory
	switch {
	case to.Resume:
		dir, err = reopen(to.Path, spec)
	case to.Path != "":
		dir, err = fresh(to.Path)
	case to.Root == "":
		dir, err = numbered("runs", f.Name)
	default:
		dir, err = numbered(to.Root, f.Name)
	}
	if err != nil {
		return nil, "", err
	}
	defer dir.close()
	if err := dir.write(specFile, spec); err != nil {
		return nil, dir.path, err
	}
	rec, err := record(dir, t.state, to.Version)
	if err != nil {
		return nil, dir.path, err
	}
	if ready != nil {
		ready(t)
	}
	result, err := t.Run(ctx, func(m maml.Record) error {
		if observe != nil {
			observe(m)
		}
		return rec.observe(m)
	})
	if cerr := rec.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, dir.path, err
	}
	if err := dir.keep(result); err != nil {
		return nil, dir.path, err
	}
	seeds := map[string]uint64{"train": f.Meta.Seed}
	if f.Drawn != nil {
		seeds["generate"] = f.Drawn.Seed
	}
	err = dir.manifest(Manifest{Command: to.Command, Version: to.Version, Family: f.Name, Seeds: seeds})
	return result, dir.path, err
}

// keep writes the result and the gains.
func (d *directory) keep(r *Result) error {
	if err := d.writeJSON(resultFile, r); err != nil {
		return err
	}
	tasks := make([]NamedGain, len(r.Tasks))
	for i, t := range r.Tasks {
		tasks[i] = NamedGain{t.Name, t.AdaptedGain}
	}
	for _, file := range []struct {
		name string
		data []byte
	}{
		{gainCSV, family.GainCSV(r.Gain)},
		{gainNPY, family.GainNPY(r.Gain)},
		{adaptedCSV, GainsCSV(tasks)},
		{adaptedNPY, GainsNPY(tasks)},
	} {
		if err := d.write(file.name, file.data); err != nil {
			return err
		}
	}
	return nil
}
