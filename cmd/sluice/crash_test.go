package main

import "testing"

func TestACrashPointNamesAStepAndACount(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"": true, "begun": true, "begun:17": true, "refund_settled:1": true,
		"begun:0": false, "begun:-1": false, "begun:": false, "begun:x": false,
	} {
		step, err := crashAt(value)
		if (err == nil) != ok || ok && (step == nil) != (value == "") {
			t.Errorf("%q: %v", value, err)
		}
	}
	step, err := crashAt("begun:2")
	if err != nil {
		t.Fatal(err)
	}
	step("authorized")
	step("begun") // the first time; the second would end this test
}
