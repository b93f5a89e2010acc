// Package processortest is the suite that every adapter of the processor port
// passes: one check per rule of the contract in connect/processor.
package processortest
