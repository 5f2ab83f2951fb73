namespace Lora.Tools.Operators;

/// <summary>
/// Lists the operators of libtorch that launch work, as its own profiling hook tells of them: each once, where the work is done. Views and
/// allocations are none, and an operator that is put together from others is those. On META tensors too, which have shapes and no values.
/// </summary>
/// <remarks>Not seen: what does not go through libtorch's dispatcher, such as vector code and oneDNN's product by its own entry.</remarks>
public static class OperatorCounter
{
    /// <summary>Whether operators can be counted here; <see cref="Reason"/> says why not.</summary>
    public static bool IsSupported => Reason is null;

    /// <summary>Why operators cannot be counted here, or null.</summary>
    public static string? Reason => RecordFunction.Reason;

    /// <summary>The operators that launch work while something runs on the calling thread, in the order in which they end.</summary>
    /// <param name="work">What is run, once. It may not count itself.</param>
    /// <exception cref="PlatformNotSupportedException">Operators cannot be counted here.</exception>
    public static IReadOnlyList<LaunchedOperator> During(Action work)
    {
        if (Reason is { } reason)
        {
            throw new PlatformNotSupportedException(reason);
        }

        MetaKernels.Register();
        OperatorRecorder recorder = new();
        using (RecordFunction.Tell(recorder))
        {
            work();
        }

        return recorder.Launched;
    }

    /// <summary>How often each name is in a list, the most frequent first, for a message that says what there is too much of.</summary>
    public static string Describe(IEnumerable<LaunchedOperator> operators) => string.Join(
        ", ", operators.CountBy(launched => launched.Name).OrderByDescending(entry => entry.Value).Select(entry => $"{entry.Value} {entry.Key}"));
}

/// <summary>An operator that launched work.</summary>
/// <param name="Name">With its namespace, without its overload: <c>aten::addmm</c>.</param>
/// <param name="Inputs">All tensors that it was given, lists taken apart; tensors to write into are among them.</param>
/// <param name="Outputs">All tensors that it gave back.</param>
public sealed record LaunchedOperator(string Name, IReadOnlyList<RecordedTensor> Inputs, IReadOnlyList<RecordedTensor> Outputs);
