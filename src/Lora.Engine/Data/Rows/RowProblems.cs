using System.Globalization;

namespace Lora.Data;

/// <summary>What is wrong with a file's rows: one problem a cause, which names the first lines that have it and counts the others.</summary>
internal sealed class RowProblems(DatasetFile file)
{
    private const int MostCauses = 20;
    private const string OtherCauses = "other problems";

    private readonly Dictionary<string, LineList> causes = new(StringComparer.Ordinal);

    /// <summary>Is told of each problem.</summary>
    public Action<int, string>? Added { get; init; }

    /// <summary>Whether there is any.</summary>
    public bool Any => causes.Count > 0;

    /// <summary>Adds a problem of a line.</summary>
    public void Add(int line, string cause)
    {
        string key = causes.ContainsKey(cause) || causes.Count < MostCauses ? cause : OtherCauses;
        causes.TryAdd(key, new());
        causes[key].Add(line);
        Added?.Invoke(line, cause);
    }

    /// <summary>Throws when there is any.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.RowInvalid"/> for each cause.</exception>
    public void ThrowIfAny() => LoraException.ThrowIfAny([.. All()]);

    /// <summary><see cref="LoraError.RowInvalid"/> for each cause.</summary>
    public IEnumerable<LoraProblem> All() =>
        causes.Select(cause => new LoraProblem(LoraError.RowInvalid, file.Path, file.Path, cause.Value.ToString(file.Unit), cause.Key));
}

/// <summary>Lines of a file, of which the first are named and all are counted.</summary>
internal sealed class LineList
{
    private const int MostNamed = 5;

    private readonly List<int> named = [];

    /// <summary>How many lines there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a line.</summary>
    public void Add(int line)
    {
        Count++;
        if (named.Count < MostNamed)
        {
            named.Add(line);
        }
    }

    /// <summary>For example <c>line 3</c>, or <c>lines 1, 2, 3, 4, 5 and 27 more</c>.</summary>
    /// <param name="unit">What is counted: lines, or rows.</param>
    public string ToString(string unit)
    {
        string list = string.Join(", ", named);
        string rest = Count > named.Count ? string.Create(CultureInfo.InvariantCulture, $" and {Count - named.Count} more") : "";
        return $"{unit}{(Count == 1 ? "" : "s")} {list}{rest}";
    }
}
