namespace Lora.Commands;

/// <summary>Completes -TargetPattern: a regular expression is the user's own, one word is PEFT's.</summary>
public sealed class TargetPatternCompleter() : FixedCompleter(("all-linear", "Every linear module but the output layer"));

/// <summary>Keeps file names away from -ExcludePattern.</summary>
public sealed class ExcludePatternCompleter() : FixedCompleter();
