using Microsoft.Testing.Platform.CommandLine;
using Microsoft.Testing.Platform.Extensions;
using Microsoft.Testing.Platform.Extensions.CommandLine;

namespace Lora.Pester;

/// <summary>What can be asked for: some of the files, some of their tests.</summary>
internal sealed class PesterOptions : ICommandLineOptionsProvider
{
    /// <summary>A file of tests/, with wildcards or without, its ending left out.</summary>
    public const string File = "file";

    /// <summary>The name of a test with those of the blocks around it, with wildcards.</summary>
    public const string Test = "test";

    public string Uid => nameof(PesterOptions);

    public string Version => "1";

    public string DisplayName => "Pester";

    public string Description => "Chooses among the Pester tests.";

    public Task<bool> IsEnabledAsync() => Task.FromResult(true);

    public IReadOnlyCollection<CommandLineOption> GetCommandLineOptions() =>
    [
        new(File, "Runs the files of this name only, such as New-LoraConfig or *-LoraAdapter.", ArgumentArity.ExactlyOne, isHidden: false),
        new(Test, "Runs the tests of this name only, such as '*WhatIf*'.", ArgumentArity.ExactlyOne, isHidden: false),
    ];

    public Task<ValidationResult> ValidateOptionArgumentsAsync(CommandLineOption commandOption, string[] arguments) => ValidationResult.ValidTask;

    public Task<ValidationResult> ValidateCommandLineOptionsAsync(ICommandLineOptions commandLineOptions) => ValidationResult.ValidTask;
}
