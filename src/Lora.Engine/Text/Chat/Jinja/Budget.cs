using System.Runtime.CompilerServices;

namespace Lora.Text.Jinja;

/// <summary>What one rendering may take. Templates come with downloaded models, and may be written to run or grow for ever.</summary>
internal sealed class Budget(CancellationToken cancellation = default)
{
    /// <summary>Characters of one text, and values with their characters in one list or dict.</summary>
    public const long MostWeight = 10_000_000;

    private const long MostSteps = 20_000_000;
    private const long MostCharacters = 100_000_000;
    private const int MostCalls = 200;
    private const int CancellationStride = 0xFFFF;

    // Reading a text is quick beside a step.
    private const int CharactersPerStep = 32;

    private long steps;
    private long characters;
    private int calls;

    /// <summary>The line of the statement that runs, from 1.</summary>
    public int Line { get; set; } = 1;

    /// <summary>Counts one evaluation, and sees that the stack holds another.</summary>
    public void Step()
    {
        Charge(1);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new JinjaFailure("its expressions or calls stand too deep in each other");
        }
    }

    /// <summary>Counts work as steps.</summary>
    public void Charge(long count)
    {
        long before = steps;
        steps += count;
        if (steps > MostSteps)
        {
            throw new JinjaFailure($"it takes more than {MostSteps} steps", isExhausted: true);
        }

        // A charge of many steps may jump over a multiple of the stride.
        if ((before & ~CancellationStride) != (steps & ~CancellationStride))
        {
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Counts the reading of a value's own characters or members.</summary>
    public void Read(Value value) => Charge(value is TextValue text ? text.Text.Length / CharactersPerStep : value.Size);

    /// <summary>Counts a text before it is made.</summary>
    public void Create(long length)
    {
        characters += length;
        if (length > MostWeight || characters > MostCharacters)
        {
            throw new JinjaFailure($"it makes texts of more than {(length > MostWeight ? MostWeight : MostCharacters)} characters", isExhausted: true);
        }
    }

    /// <summary>Counts what was made, and hands it on.</summary>
    public Value Made(Value value)
    {
        if (value is TextValue text)
        {
            Create(text.Text.Length);
        }

        Read(value);
        return value;
    }

    /// <summary>Runs the body of a macro.</summary>
    public T Call<T>(Func<T> body)
    {
        if (++calls > MostCalls)
        {
            throw new JinjaFailure($"its macros call each other more than {MostCalls} deep");
        }

        // A failure ends the whole rendering, so the depth need not be right after one.
        T result = body();
        calls--;
        return result;
    }
}
