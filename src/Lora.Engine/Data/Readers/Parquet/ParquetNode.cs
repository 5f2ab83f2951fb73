using System.Text.Json;
using Parquet.Schema;

namespace Lora.Data;

/// <summary>A part of Parquet's schema with the columns below it, which writes its next value as JSON. What is null is left out, but in a list.</summary>
/// <param name="field">The part.</param>
/// <param name="columns">The columns below it.</param>
/// <param name="presence">The level of definition from which it is there.</param>
internal abstract class ParquetNode(Field field, ParquetColumn[] columns, int presence)
{
    public string Name => Field.Name;

    // Any column below tells it: where a part is null all of them stop above it.
    public bool IsNull => Columns[0].Definition < presence;

    public ParquetColumn[] Columns { get; } = columns;

    protected Field Field { get; } = field;

    /// <summary>Reads what lies below a part of the schema.</summary>
    /// <param name="field">The part.</param>
    /// <param name="read">Reads a column.</param>
    public static ParquetNode Of(Field field, Func<DataField, ParquetColumn> read)
    {
        switch (field)
        {
            case DataField leaf when leaf.IsArray:
                ParquetValue values = new(leaf, read(leaf));
                // A repeated value without a LIST group around it, as older writers have it.
                return new ParquetList(leaf, values);
            case DataField leaf:
                return new ParquetValue(leaf, read(leaf));
            case ListField list:
                return new ParquetList(list, Of(list.Item, read));
            case MapField map:
                return new ParquetList(map, new ParquetGroup(map, [Of(map.Key, read), Of(map.Value, read)]));
            case StructField group:
                return new ParquetGroup(group, [.. group.Fields.Select(part => Of(part, read))]);
            default:
                throw new NotSupportedException($"columns of {field.SchemaType} are not read");
        }
    }

    /// <summary>Writes the parts of an object, without those that are null.</summary>
    public static void WriteObject(IEnumerable<ParquetNode> parts, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (ParquetNode part in parts)
        {
            if (part.IsNull)
            {
                part.Skip();
            }
            else
            {
                writer.WritePropertyName(part.Name);
                part.Write(writer);
            }
        }

        writer.WriteEndObject();
    }

    /// <summary>Leaves out the next value, which is null or empty.</summary>
    public void Skip()
    {
        foreach (ParquetColumn column in Columns)
        {
            column.Skip();
        }
    }

    /// <summary>Writes the next value, which is not null.</summary>
    public abstract void Write(Utf8JsonWriter writer);
}

/// <summary>One value.</summary>
internal sealed class ParquetValue(DataField field, ParquetColumn column) : ParquetNode(field, [column], field.MaxDefinitionLevel)
{
    public override void Write(Utf8JsonWriter writer) => Columns[0].Write(writer);
}

/// <summary>An object.</summary>
internal sealed class ParquetGroup(Field field, ParquetNode[] parts) : ParquetNode(field, [.. parts.SelectMany(part => part.Columns)], field.MaxDefinitionLevel)
{
    public override void Write(Utf8JsonWriter writer) => WriteObject(parts, writer);
}

/// <summary>A list, or a map as a list of its keys and values. It has one level of definition more than what is empty.</summary>
internal sealed class ParquetList(Field field, ParquetNode item) : ParquetNode(field, item.Columns, field.MaxDefinitionLevel - 1)
{
    public override void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        if (Columns[0].Definition < Field.MaxDefinitionLevel)
        {
            Skip();
        }
        else
        {
            do
            {
                WriteItem(writer);
            }
            // A lower level begins another list; a higher one is of a list within, which has been written.
            while (Columns[0].Repetition == Field.MaxRepetitionLevel);
        }

        writer.WriteEndArray();
    }

    private void WriteItem(Utf8JsonWriter writer)
    {
        if (item.IsNull)
        {
            writer.WriteNullValue();
            item.Skip();
        }
        else
        {
            item.Write(writer);
        }
    }
}
