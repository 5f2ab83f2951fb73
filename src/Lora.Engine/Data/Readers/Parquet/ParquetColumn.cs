using System.Text.Json;
using System.Text.Unicode;
using Parquet;
using Parquet.Schema;

namespace Lora.Data;

/// <summary>The values of a column in one row group, which are given one after another.</summary>
/// <remarks>
/// A level of definition says down to which optional part a value is there, one of repetition at which list it goes on; 0 begins a row (Melnik et
/// al., "Dremel: Interactive Analysis of Web-Scale Datasets", 2010).
/// </remarks>
internal abstract class ParquetColumn
{
    private readonly int[] definitions;
    private readonly int[] repetitions;
    private int at;

    protected ParquetColumn(DataField field, int count)
    {
        Field = field;
        Count = count;
        definitions = field.MaxDefinitionLevel > 0 ? new int[count] : [];
        repetitions = field.MaxRepetitionLevel > 0 ? new int[count] : [];
    }

    /// <summary>Whether all has been given.</summary>
    public bool IsAtEnd => at == Count;

    /// <summary>Whether a row has been given whole.</summary>
    public bool IsBetweenRows => IsAtEnd || Repetition == 0;

    /// <summary>The next value's level of definition.</summary>
    public int Definition => IsAtEnd ? throw new InvalidDataException($"the column \"{Field.Path}\" ends before its rows do") : definitions.Length > 0 ? definitions[at] : 0;

    /// <summary>The next value's level of repetition; 0 at the end.</summary>
    public int Repetition => IsAtEnd || repetitions.Length == 0 ? 0 : repetitions[at];

    protected DataField Field { get; }

    protected int Count { get; }

    protected Memory<int>? Definitions => definitions.Length > 0 ? new Memory<int>(definitions) : default(Memory<int>?);

    protected Memory<int>? Repetitions => repetitions.Length > 0 ? new Memory<int>(repetitions) : default(Memory<int>?);

    /// <summary>Reads a column whole.</summary>
    /// <param name="reader">The row group.</param>
    /// <param name="field">The column.</param>
    /// <param name="count">Its values, those that are not there too.</param>
    /// <param name="isText">Whether it is said to be text.</param>
    /// <param name="cancellation">Checked at each page.</param>
    public static ParquetColumn Read(ParquetRowGroupReader reader, DataField field, int count, bool isText, CancellationToken cancellation)
    {
        ParquetColumn column = Type.GetTypeCode(field.ClrType) switch
        {
            TypeCode.Boolean => new ParquetColumn<bool>(field, count),
            TypeCode.SByte => new ParquetColumn<sbyte>(field, count),
            TypeCode.Byte => new ParquetColumn<byte>(field, count),
            TypeCode.Int16 => new ParquetColumn<short>(field, count),
            TypeCode.UInt16 => new ParquetColumn<ushort>(field, count),
            TypeCode.Int32 => new ParquetColumn<int>(field, count),
            TypeCode.UInt32 => new ParquetColumn<uint>(field, count),
            TypeCode.Int64 => new ParquetColumn<long>(field, count),
            TypeCode.UInt64 => new ParquetColumn<ulong>(field, count),
            TypeCode.Single => new ParquetColumn<float>(field, count),
            TypeCode.Double => new ParquetColumn<double>(field, count),
            TypeCode.Decimal => new ParquetColumn<decimal>(field, count),
            TypeCode.DateTime => new ParquetColumn<DateTime>(field, count),
            _ when field.ClrType == typeof(DateOnly) => new ParquetColumn<DateOnly>(field, count),
            _ when field.ClrType == typeof(Guid) => new ParquetColumn<Guid>(field, count),
            _ when field.ClrType == typeof(ReadOnlyMemory<byte>) => new ParquetTextColumn(field, count, isText),
            _ => throw new NotSupportedException($"values of {field.ClrType.Name} are not read"),
        };
        column.ReadAsync(reader, cancellation).AsTask().GetAwaiter().GetResult();
        return column;
    }

    /// <summary>Leaves out the next value.</summary>
    public void Skip()
    {
        _ = Definition;
        at++;
    }

    /// <summary>Writes the next value, which is there.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        Skip();
        WriteValue(writer);
    }

    protected abstract void WriteValue(Utf8JsonWriter writer);

    protected abstract ValueTask ReadAsync(ParquetRowGroupReader reader, CancellationToken cancellation);
}

/// <summary>A column of numbers, truth values or dates. What is no number in JSON is null.</summary>
internal class ParquetColumn<T>(DataField field, int count) : ParquetColumn(field, count)
    where T : struct
{
    private int next;

    protected T[] Values { get; } = new T[count];

    protected T TakeNext() => Values[next++];

    protected override void WriteValue(Utf8JsonWriter writer)
    {
        T value = TakeNext();
        switch (value)
        {
            case double.NaN or double.PositiveInfinity or double.NegativeInfinity or float.NaN or float.PositiveInfinity or float.NegativeInfinity:
                writer.WriteNullValue();
                break;
            case DateTime moment:
                writer.WriteStringValue(DateTime.SpecifyKind(moment, DateTimeKind.Unspecified)); // as it is written, wherever it is read
                break;
            default:
                JsonSerializer.Serialize(writer, value);
                break;
        }
    }

    protected override ValueTask ReadAsync(ParquetRowGroupReader reader, CancellationToken cancellation) =>
        reader.ReadRawAsync<T>(Field, Values, Definitions, Repetitions, cancellation);
}

/// <summary>A column of bytes: text, if they are UTF-8. Other bytes are no text, and an error where they are said to be it.</summary>
internal sealed class ParquetTextColumn : ParquetColumn<ReadOnlyMemory<byte>>
{
    private static readonly ReadOnlyMemory<byte> Unread = new byte[1];
    private static readonly byte[] NotUtf8 = [(byte)'"', 0xFF, (byte)'"'];

    private readonly bool isText;

    public ParquetTextColumn(DataField field, int count, bool isText)
        : base(field, count)
    {
        this.isText = isText;
        Array.Fill(Values, Unread); // a page that ends early leaves values as they were
    }

    protected override void WriteValue(Utf8JsonWriter writer)
    {
        ReadOnlyMemory<byte> value = TakeNext();
        if (value.Equals(Unread))
        {
            throw new InvalidDataException($"a page of the column \"{Field.Path}\" ends too early");
        }

        if (Utf8.IsValid(value.Span))
        {
            writer.WriteStringValue(value.Span);
        }
        else if (isText)
        {
            writer.WriteRawValue(NotUtf8, skipInputValidation: true); // the row is refused for it by its number
        }
        else
        {
            writer.WriteStartObject();
            writer.WriteNumber("bytes", value.Length);
            writer.WriteEndObject();
        }
    }
}
