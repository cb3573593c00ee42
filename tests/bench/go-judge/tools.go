// SPDX-License-Identifier: Apache-2.0

//go:build tools

// What is built here is go-judge itself; this names it, so that go.mod and go.sum pin all it is made of.
package tools

import _ "github.com/criyle/go-judge/cmd/go-judge"
