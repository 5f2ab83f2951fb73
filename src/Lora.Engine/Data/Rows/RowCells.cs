namespace Lora.Data;

/// <summary>A column of a row with the known name that it is read as.</summary>
internal readonly record struct RowCell(string Key, RowField Field);

/// <summary>The values of one row by what their columns mean. What is null is not there; what is not taken is not used.</summary>
internal sealed class RowCells(RowLayout layout, RowField[] fields)
{
    private readonly bool[] used = new bool[fields.Length];

    /// <summary>All columns, null or not.</summary>
    public IReadOnlyList<RowField> All => fields;

    /// <summary>Whether a column that means something is there.</summary>
    public bool Has(ColumnMeaning meaning) => Find(meaning, 0) >= 0;

    /// <summary>The first column that means something, which is not taken.</summary>
    public RowCell? Peek(ColumnMeaning meaning) => Find(meaning, 0) is >= 0 and int column ? new RowCell(layout.Key(column), fields[column]) : null;

    /// <summary>The column of a known name, which is not taken.</summary>
    public RowCell? Peek(string key) => Find(key) is >= 0 and int column ? new RowCell(key, fields[column]) : null;

    /// <summary>Takes the column of a known name; null where there is none.</summary>
    public RowCell? Take(string key)
    {
        int column = Find(key);
        if (column < 0)
        {
            return null;
        }

        used[column] = true;
        return new(key, fields[column]);
    }

    /// <summary>Takes the one column that means something; null where there is none.</summary>
    /// <exception cref="FormatException">Several do.</exception>
    public RowCell? Take(ColumnMeaning meaning)
    {
        int column = Find(meaning, 0);
        if (column < 0)
        {
            return null;
        }

        if (Find(meaning, column + 1) is >= 0 and int other)
        {
            string name = RowColumns.Of(meaning)[0];
            throw new FormatException(
                $"it has {RowReading.Quoted(fields[column].Name)} and {RowReading.Quoted(fields[other].Name)}, and either may be the \"{name}\": say which by -Column @{{ {name} = '...' }}");
        }

        used[column] = true;
        return new(layout.Key(column), fields[column]);
    }

    /// <summary>Takes the column that holds the messages: one that is named so, else the only one that has a list of messages; null where there is none.</summary>
    /// <exception cref="FormatException">Several do.</exception>
    public RowField? TakeMessages(DatasetFile file)
    {
        int found = -1;
        for (int column = 0; column < fields.Length; column++)
        {
            bool isNamed = layout.Meaning(column) == ColumnMeaning.Messages && !fields[column].IsNull;
            if (isNamed || (layout.Meaning(column) == ColumnMeaning.Unknown && fields[column].IsMessages))
            {
                found = found < 0 ? column : Either(found, column, file);
            }
        }

        if (found < 0)
        {
            return null;
        }

        if (layout.Meaning(found) == ColumnMeaning.Unknown)
        {
            file.Note($"has no column \"messages\"; its column {RowReading.Quoted(fields[found].Name)} is read as the messages");
        }

        used[found] = true;
        return fields[found];
    }

    /// <summary>Notes the columns that have a value and were not taken.</summary>
    public void NoteUnused(DatasetFile file)
    {
        for (int column = 0; column < fields.Length; column++)
        {
            if (!used[column] && !fields[column].IsNull)
            {
                file.Unused(fields[column].Name);
            }
        }
    }

    /// <summary>Of two columns that may hold the messages the one that does so more: a list before a text, a name that says so before another.</summary>
    private int Either(int one, int other, DatasetFile file)
    {
        int Rank(int column) => fields[column].IsEmpty ? 0 : !fields[column].IsList ? 1 : layout.Meaning(column) == ColumnMeaning.Unknown ? 2 : 3;
        return Rank(one).CompareTo(Rank(other)) switch
        {
            > 0 => one,
            < 0 => other,
            _ => throw new FormatException(
                $"it has {RowReading.Quoted(fields[one].Name)} and {RowReading.Quoted(fields[other].Name)}, and either may be the \"messages\"{file.Rules.ByParameter(": say which by -Column @{ messages = '...' }")}"),
        };
    }

    private int Find(string key)
    {
        for (int column = 0; column < fields.Length; column++)
        {
            if (layout.Key(column) == key && !fields[column].IsNull)
            {
                return column;
            }
        }

        return -1;
    }

    private int Find(ColumnMeaning meaning, int from)
    {
        for (int column = from; column < fields.Length; column++)
        {
            if (layout.Meaning(column) == meaning && !fields[column].IsNull)
            {
                return column;
            }
        }

        return -1;
    }
}
