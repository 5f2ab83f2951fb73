namespace Lora.Data;

/// <summary>The columns of a row by their names and what these mean: found once for all rows that have the same.</summary>
internal sealed class RowLayout
{
    private readonly string[] names;
    private readonly string[] keys;
    private readonly ColumnMeaning[] meanings;

    /// <summary>The layout of some columns.</summary>
    /// <exception cref="FormatException">A name stands twice.</exception>
    public RowLayout(RowField[] fields, RowRules rules)
    {
        names = Array.ConvertAll(fields, field => field.Name);
        if (RowReading.Doubled(names) is string doubled)
        {
            throw new FormatException(doubled);
        }

        (string Key, ColumnMeaning Meaning)[] found = Array.ConvertAll(names, rules.Column);
        bool hasInstruction = Array.Exists(found, column => column.Key == RowColumns.Instruction);
        keys = Array.ConvertAll(found, column => column.Key);
        // Beside an instruction an input is what it is about; alone it is what is asked.
        meanings = Array.ConvertAll(found, column => hasInstruction && column.Key == RowColumns.Input ? ColumnMeaning.Input : column.Meaning);
    }

    /// <summary>Whether a row has the same columns in the same order.</summary>
    public bool Fits(RowField[] fields)
    {
        if (fields.Length != names.Length)
        {
            return false;
        }

        for (int column = 0; column < fields.Length; column++)
        {
            if (fields[column].Name != names[column])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What a column means.</summary>
    public ColumnMeaning Meaning(int column) => meanings[column];

    /// <summary>The known name that a column is read as.</summary>
    public string Key(int column) => keys[column];
}
