namespace Lora.Data;

/// <summary>What is said of how the rows of a dataset are read: their format, the columns and roles that have names of their own.</summary>
internal sealed class RowRules
{
    private static readonly Dictionary<string, string> None = [];

    private readonly HashSet<string> found = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>How rows are read where nothing is said.</summary>
    public static RowRules Usual { get; } = new();

    /// <summary>The format that is said; null where it is recognised.</summary>
    public DatasetFormat? Format { get; init; }

    /// <summary>For each known name the column that is read as it, in place of one that has the name itself.</summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = None;

    /// <summary>For each name that nobody knows the role that it is.</summary>
    public IReadOnlyDictionary<string, string> Roles { get; init; } = None;

    /// <summary>The columns that are said to be read and that no row has had.</summary>
    public IEnumerable<string> Missing => Columns.Values.Where(column => !found.Contains(column));

    /// <summary>The known name that a column is read as, and what it means.</summary>
    public (string Key, ColumnMeaning Meaning) Column(string name)
    {
        bool isReplaced = false;
        foreach ((string known, string column) in Columns)
        {
            if (column.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                found.Add(column);
                return RowColumns.Of(known);
            }

            isReplaced |= known.Equals(name, StringComparison.OrdinalIgnoreCase);
        }

        return isReplaced ? (name, ColumnMeaning.Unknown) : RowColumns.Of(name);
    }

    /// <summary>Whether the name of a column means something.</summary>
    public bool IsKnown(string name) => Column(name).Meaning != ColumnMeaning.Unknown;

    /// <summary>The role of a name.</summary>
    /// <exception cref="FormatException">Nobody knows it.</exception>
    public string Role(string name)
    {
        foreach ((string known, string role) in Roles)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return role;
            }
        }

        return ChatRoles.Find(name) ?? throw new FormatException($"the role {RowReading.Quoted(name)} is not known; say what it is by -DatasetRole, as in @{{ '{name}' = 'user' }}");
    }
}
