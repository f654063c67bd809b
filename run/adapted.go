package run

// Keep writes the adapted gains to adapted.csv and adapted.npy in a directory,
// which is made where there is none. Where either file exists, nothing is
// written and the error is a *[DirectoryError].
func (a *Adaptation) Keep(dir string) error {
	gains := a.AdaptedGains()
	return Keep(dir, map[string][]byte{adaptedCSV: GainsCSV(gains), adaptedNPY: GainsNPY(gains)})
}
