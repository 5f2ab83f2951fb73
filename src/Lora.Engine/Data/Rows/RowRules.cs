using System.Text;

namespace Lora.Data;

/// <summary>What is said of how the rows of a dataset are read.</summary>
/// <param name="options">The format, and the columns and roles that have names of their own.</param>
/// <param name="task">What is learned of them; null for causal language modelling.</param>
internal sealed class RowRules(DataOptions options, LearnedTask? task = null)
{
    private const int MostNamed = 5;
    private const int Utf8 = 65001;

    /// <summary>How rows are read where nothing is said.</summary>
    public static RowRules Usual { get; } = new(new());

    /// <summary>How prompts are read, of which nothing can be said.</summary>
    public static RowRules Prompts { get; } = new(new()) { IsOfPrompts = true };

    private bool IsOfPrompts { get; init; }

    /// <summary>What the text of files without a byte order mark is in; null for UTF-8.</summary>
    public Encoding? Encoding { get; } = options.DatasetEncoding is string name && TextEncodings.Find(name) is { CodePage: not Utf8 } found ? found : null;

    /// <summary>The format that is said; null where it is recognised.</summary>
    public DatasetFormat? Format => options.DatasetFormat;

    /// <summary>What is learned of the rows.</summary>
    public LearnedTask Task { get; } = task ?? LearnedTask.CausalLM;

    /// <summary>The format that is said, or the one that rows of the task have where there is no other; null where it is recognised.</summary>
    public DatasetFormat? Kind => Format ?? (Task.Kind == TaskKind.CausalLM ? null : Task.Formats[0]);

    /// <summary>Holds that each column that is said to be read is one of some row of the files of a run, which may differ.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.ColumnMissing"/> for each that is not.</exception>
    public static void CheckFound(IReadOnlyList<DatasetFile> files)
    {
        string[] found = [.. files.SelectMany(file => file.Columns).Distinct(StringComparer.OrdinalIgnoreCase)];
        string places = Listed([.. files.Take(MostNamed + 1).Select(file => $"'{file.Path}'")]), names = Listed([.. found.Take(MostNamed + 1).Select(RowReading.Quoted)]);
        LoraException.ThrowIfAny([.. files[0].Rules.Columns.Except(found, StringComparer.OrdinalIgnoreCase).Select(column => new LoraProblem(LoraError.ColumnMissing, column, places, column, names))]);
    }

    /// <summary>The columns that are said to be read, as they are given.</summary>
    public IEnumerable<string> Columns => options.Column.Values;

    /// <summary>The known name that a column is read as, and what it means.</summary>
    public (string Key, ColumnMeaning Meaning) Column(string name)
    {
        foreach ((string known, string column) in options.Column)
        {
            if (column.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return RowColumns.Of(known);
            }
        }

        // Another column is read in place of one that has the name itself.
        return options.Column.ContainsKey(name) ? (name, ColumnMeaning.Unknown) : RowColumns.Of(name);
    }

    /// <summary>Whether the name of a column means something.</summary>
    public bool IsKnown(string name) => Column(name).Meaning != ColumnMeaning.Unknown;

    /// <summary>The role of a name.</summary>
    /// <exception cref="FormatException">Nobody knows it.</exception>
    public string Role(string name) => ChatRoles.Find(options.DatasetRole.GetValueOrDefault(name, name)) ?? throw new FormatException(
        $"the role {RowReading.Quoted(name)} is not known; it is system, user, assistant or tool{ByParameter($", or one of these by -DatasetRole, as in -DatasetRole @{{ '{RowReading.Shown(name)}' = 'user' }}")}");

    /// <summary>What a message says of a parameter of datasets; nothing where prompts are read.</summary>
    public string ByParameter(string advice) => IsOfPrompts ? "" : advice;

    private static string Listed(string[] names) => string.Join(", ", names.Take(MostNamed)) + (names.Length > MostNamed ? ", ..." : "");
}
