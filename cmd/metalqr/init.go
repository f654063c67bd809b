package main

import (
	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
)

func (a *app) initCommand() *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Print a commented family file to start from",
		Long: `Print a commented family file to start from:

  metalqr init > fleet.yaml
  metalqr init --schema > schema.json    lets an editor complete and check its keys`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.does(func([]string) error {
			content, document := family.Template(), any(struct {
				Template string `json:"template"`
			}{string(family.Template())})
			if schema {
				content = family.Schema()
				document = json.RawMessage(content)
			}
			return a.print(document, func(b *bytes.Buffer) { b.Write(content) })
		}),
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of family files instead")
	return cmd
}
