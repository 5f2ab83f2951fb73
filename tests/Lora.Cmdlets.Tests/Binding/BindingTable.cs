namespace Lora.Commands.Tests.Binding;

/// <summary>What each kind of object is taken for, and what each cmdlet takes: every cell of the product is a test.</summary>
internal static class BindingTable
{
    private const string Fits = "";

    /// <summary>The kinds of <see cref="GivenObjects"/>: as an adapter, as a configuration, as a model; nothing where it fits, else the error.</summary>
    private static readonly (string Kind, string Adapter, string Config, string Model)[] Kinds =
    [
        ("result", Fits, Fits, Fits),
        ("adapter", Fits, Fits, Fits),
        ("description", Fits, Fits, Fits),
        ("measurement", Fits, Fits, Fits),
        ("edit", Fits, Fits, Fits),
        ("point of a sweep", Fits, Fits, Fits),
        ("folder", Fits, Fits, "LoraNoSafetensors"),
        ("wildcard", Fits, Fits, "LoraNoSafetensors"),
        ("folder object", Fits, Fits, "LoraNoSafetensors"),
        ("config file", Fits, Fits, "LoraShardIndexInvalid"),
        ("config file object", Fits, Fits, "LoraShardIndexInvalid"),
        ("weights file object", Fits, Fits, Fits),
        ("result of a job", Fits, Fits, Fits),
        ("result of Import-Clixml", Fits, Fits, Fits),
        ("unwritten result of a job", "LoraNotAnAdapter", Fits, Fits),
        ("description of a job", Fits, Fits, Fits),
        ("description of Import-Clixml", Fits, Fits, Fits),
        ("config", "LoraNotAnAdapter", Fits, Fits),
        ("config of a job", "LoraNotAnAdapter", Fits, Fits),
        ("hashtable", "LoraNotAnAdapter", Fits, "LoraNotAModel"),
        ("wrong hashtable", "LoraNotAnAdapter", "LoraConfigValueInvalid", "LoraNotAModel"),
        ("config of JSON", "LoraNotAnAdapter", Fits, Fits),
        ("module", "LoraNotAnAdapter", "LoraNotAConfig", Fits),
        ("module of a job", "LoraNotAnAdapter", "LoraNotAConfig", Fits),
        ("model folder", "LoraNotAnAdapter", "LoraNotAConfig", Fits),
        ("number", "LoraNotAnAdapter", "LoraNotAConfig", "LoraNotAModel"),
        ("nothing", "LoraAdapterNotGiven", "LoraConfigNotGiven", "LoraModelNotKnown"),
        ("missing path", "LoraPathNotFound", "LoraPathNotFound", "LoraPathNotFound"),
        ("adapter in the cache", Fits, Fits, "LoraNoSafetensors"),
        ("model in the cache", "LoraNotAnAdapter", "LoraNotAConfig", Fits),
        ("folder of the cache", "LoraNotAnAdapter", "LoraNotAConfig", Fits),
        ("name of nothing", "LoraModelNotCached", "LoraModelNotCached", "LoraModelNotCached"),
    ];

    // What may hold rows; whether it does is found when it is read.
    private static readonly string[] Files =
        ["folder", "wildcard", "folder object", "config file", "config file object", "weights file object", "model folder", "folder of the cache"];

    // Rows lie at paths alone.
    private static readonly string[] Names = ["adapter in the cache", "model in the cache", "name of nothing", "missing path"];

    // What is published is a folder.
    private static readonly string[] Unwritten = ["adapter", "edit", "measurement", "point of a sweep"];

    private static readonly string[] Modules = ["module", "module of a job"];

    // A training takes adapters and configurations; what is neither is told of as the one that it looks like.
    private static readonly string[] NoAdapters = ["model folder", "unwritten result of a job", "model in the cache", "folder of the cache"];

    // Without a name the configuration's own model is taken; a file of an adapter's weights has modules of its own, and none that are adapted.
    private static readonly Dictionary<string, string> OtherModels = new() { ["nothing"] = Fits, ["weights file object"] = "LoraTargetKindUnsupported" };

    // An adapter's folder has no tokenizer, whatever else is looked for there, nor a model's configuration.
    private static readonly Dictionary<string, string> OtherFolders = new()
    {
        ["folder"] = "LoraTokenizerMissing",
        ["wildcard"] = "LoraTokenizerMissing",
        ["folder object"] = "LoraTokenizerMissing",
        ["config file"] = "LoraTokenizerMissing",
        ["config file object"] = "LoraTokenizerMissing",
        ["weights file object"] = "LoraTokenizerMissing",
        ["adapter in the cache"] = "LoraTokenizerMissing",
    };

    private static readonly (string Script, Func<(string Kind, string Adapter, string Config, string Model), string> Expected)[] Commands =
    [
        ("$x | Get-LoraAdapter", kind => kind.Adapter),
        ("Get-LoraAdapter $x", kind => kind.Adapter),
        ("Get-LoraAdapter -Adapter $x -Detailed", kind => kind.Adapter),
        ("$x | Compare-LoraAdapter $result", kind => kind.Adapter),
        ("Compare-LoraAdapter $x $result -Summary", kind => kind.Adapter),
        ("Compare-LoraAdapter $result $x -Summary", kind => kind.Adapter),
        ("$x | Edit-LoraAdapter -Exclude '**.0.**'", kind => kind.Adapter),
        ("Edit-LoraAdapter $x -Rank 1 | Get-LoraAdapter", kind => kind.Adapter),
        ("$x | Test-LoraAdapter", kind => kind.Adapter),
        ("Test-LoraAdapter $x -Client PEFT", kind => kind.Adapter),
        ("$x | Measure-LoraAdapter -Dataset $rows", kind => kind.Adapter),
        ("Measure-LoraAdapter $x -Dataset $rows", kind => kind.Adapter),
        ("$x | Invoke-LoraGeneration -Prompt 'The fox' -MaxToken 1", kind => kind.Kind == "missing path" ? "LoraConfigConflict" : kind.Adapter),
        ("Invoke-LoraGeneration 'The fox' -Adapter $x -MaxToken 1", kind => kind.Adapter),
        ("Invoke-LoraGeneration 'The fox' -Model $x -MaxToken 1", kind => OtherFolders.ContainsKey(kind.Kind) ? "LoraConfigMissing" : kind.Model),
        ("$x | Merge-LoraAdapter", kind => kind.Adapter),
        ("Merge-LoraAdapter $x, $result", kind => kind.Adapter),
        ("$x | Export-LoraAdapter $output/again -Force -PassThru", kind => kind.Adapter),
        ("Export-LoraAdapter -Adapter $x $output/again -Force -PassThru", kind => kind.Adapter),
        ("$x | Export-LoraAdapter $output/again -Format Gguf -Force -PassThru", kind => kind.Adapter),
        ("$x | Export-LoraModel $output/merged -Force -PassThru", kind => kind.Adapter),
        ("$x | Export-LoraModel $output/merged -Format Gguf -Force -PassThru", kind => kind.Adapter),
        ("$x | Publish-LoraAdapter -Repository me/adapter -WhatIf", kind => kind.Adapter.Length > 0 || !Unwritten.Contains(kind.Kind) ? kind.Adapter : "LoraConfigConflict"),
        ("Export-LoraModel $output/merged -Adapter $x -Force -PassThru", kind => kind.Adapter),
        ("Invoke-LoraTraining -Adapter $x -Dataset $rows -WhatIf", kind => kind.Adapter),
        ("Invoke-LoraTraining -Config $x -Dataset $rows -WhatIf", kind => kind.Config),
        ("$x | Invoke-LoraTraining -Dataset $rows -WhatIf", Start),
        ("Invoke-LoraTraining $x -Dataset $rows -WhatIf", Start),
        ("$x | Invoke-LoraSweep -Dataset $rows -WhatIf", Point),
        ("Invoke-LoraSweep -Config $x -Grid @{ Rank = 2 } -Dataset $rows -WhatIf", kind => kind.Config),
        ("Invoke-LoraTraining $config -Dataset $rows -ValidationDataset $x -WhatIf", kind => Files.Contains(kind.Kind) ? Fits : Names.Contains(kind.Kind) ? "LoraPathNotFound" : "LoraConfigValueInvalid"),
        ("$x | New-LoraConfig -Rank 32", Target),
        ("New-LoraConfig -InputObject $x -Rank 32", Target),
        ("$x | Measure-LoraModule -Score Norm", kind => Modules.Contains(kind.Kind) ? Fits : "LoraNotAModule"),
        ("Measure-LoraModule -InputObject $x -Score Norm", kind => Modules.Contains(kind.Kind) ? Fits : "LoraNotAModule"),
        ("$x | Test-LoraTarget", kind => Modules.Contains(kind.Kind) ? "LoraConfigNotGiven" : kind.Config),
        ("$x | Test-LoraTarget -Config $config", kind => Modules.Contains(kind.Kind) ? Fits : "LoraConfigConflict"),
        ("Test-LoraTarget $x", kind => kind.Config),
        ("$x | Compare-LoraConfig $config -Summary", kind => kind.Config),
        ("Compare-LoraConfig $x $config -Summary", kind => kind.Config),
        ("$x | Get-LoraModule", kind => kind.Model),
        ("Get-LoraModule $x", kind => kind.Model),
        ("Test-LoraTarget $config -Model $x", kind => OtherModels.GetValueOrDefault(kind.Kind, kind.Model)),
        ("Test-LoraDataset $rows -Model $x", kind => OtherFolders.GetValueOrDefault(kind.Kind, kind.Model)),
    ];

    /// <summary>Every command with every kind of object, and the error or nothing.</summary>
    public static TheoryData<string, string, string> Cells { get; } =
        [.. from command in Commands from kind in Kinds select (command.Script, kind.Kind, command.Expected(kind))];

    private static string Start((string Kind, string Adapter, string Config, string Model) kind) =>
        kind.Adapter == Fits || NoAdapters.Contains(kind.Kind) ? kind.Adapter : kind.Config;

    // A hashtable's names are those of parameters, more than a configuration has.
    private static string Point((string Kind, string Adapter, string Config, string Model) kind) => kind.Kind == "wrong hashtable" ? "LoraSweepValueInvalid" : kind.Config;

    private static string Target((string Kind, string Adapter, string Config, string Model) kind) => Modules.Contains(kind.Kind) ? Fits : kind.Config;
}
