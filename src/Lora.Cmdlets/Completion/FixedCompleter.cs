using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands;

/// <summary>Completes a parameter that has a known set of values besides free ones.</summary>
/// <param name="values">The values and what they mean.</param>
public abstract class FixedCompleter(params IReadOnlyList<(string Value, string Meaning)> values) : LoraCompleter
{
    internal sealed override IEnumerable<CompletionResult> Complete(string parameter, TypedWord word, CommandAst command) =>
        from entry in values
        where word.Begins(entry.Value)
        select word.Value(entry.Value, entry.Meaning);
}

/// <summary>Completes -Device.</summary>
public sealed class DeviceCompleter() : FixedCompleter(
    ("auto", "The first CUDA device, or the CPU when there is none"),
    ("cpu", "The CPU"),
    ("cuda", "The first CUDA device"),
    ("cuda:0", "A CUDA device by its number"));

/// <summary>Completes -DatasetEncoding.</summary>
public sealed class EncodingCompleter() : FixedCompleter(
    ("windows-1252", "Western European: what Excel writes as CSV"),
    ("windows-1250", "Central European"),
    ("windows-1251", "Cyrillic"),
    ("windows-1253", "Greek"),
    ("windows-1254", "Turkish"),
    ("ibm850", "What Excel writes as CSV (MS-DOS)"),
    ("macintosh", "What Excel writes as CSV (Macintosh)"),
    ("iso-8859-1", "Latin-1"),
    ("iso-8859-15", "Latin-9, with the euro sign"),
    ("shift_jis", "Japanese"),
    ("gb18030", "Chinese, simplified"),
    ("big5", "Chinese, traditional"),
    ("euc-kr", "Korean"),
    ("utf-16", "UTF-16 without a byte order mark"));

/// <summary>Completes -Initialization.</summary>
public sealed class InitializationCompleter() : FixedCompleter(
    ("true", "A Kaiming-uniform, B zero"),
    ("false", "A and B random: the start is not the base model"),
    ("gaussian", "A normal with deviation 1/rank, B zero"),
    ("orthogonal", "A and B random with a product of zero"),
    ("pissa", "The base weight's leading singular directions"),
    ("pissa_niter_4", "The same by a randomised decomposition"),
    ("olora", "The base weight's QR factors"));

/// <summary>Completes globs of a model's files.</summary>
public sealed class ModelFileCompleter() : FixedCompleter(
    ("*.safetensors", "The weights"),
    ("*.json", "Configuration, tokenizer, index of the weights"),
    ("README.md", "The model's card"));

/// <summary>Completes -TargetPattern: a regular expression is the user's own, one word is PEFT's.</summary>
public sealed class TargetPatternCompleter() : FixedCompleter(("all-linear", "Every linear module but the output layer"));

/// <summary>Keeps file names away from -ExcludePattern.</summary>
public sealed class ExcludePatternCompleter() : FixedCompleter();
