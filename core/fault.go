package msm

import (
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/cluster"
)

// fault says what is wrong with one field, and how to correct it.
type fault = cluster.Fault

// join makes one error of all faults. name returns the reader's name for a field.
func join(faults []fault, name func(field string) string) error {
	var list []error
	for _, f := range faults {
		list = append(list, fmt.Errorf("msm: %s: %s", name(f.Field), f.Text))
	}
	return errors.Join(list...)
}
