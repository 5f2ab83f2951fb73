using System.Text.RegularExpressions;
using Lora.Native;
using Lora.Tests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

// By itself: what it collects may be a number of another test, whose own code hands numbers to torch as TorchSharp does.
[Collection(nameof(DevicePurityTests))]
public class ArithmeticTests
{
    /// <summary>TorchSharp's members that make a number for torch and let go of it before torch has read it.</summary>
    private static readonly Regex Unsafe = new(
        @"^Scalar\.op_Implicit\(|^torch\.arange\(Scalar, (Scalar, )?Nullable|^Tensor\.op_Addition\(|^Tensor\.op_\w+\(.*(Double|Single|Int\d+|Scalar)"
            + @"|^Tensor\.(add|add_|addcdiv|addcdiv_)\((Tensor|Scalar)(, Tensor)?\)|^Tensor\.(square|tolist|celu|elu|softplus)\(|\.(vector_norm|matrix_norm|hardtanh|leaky_relu)\(");

    /// <summary>The engine, and the tests, which such a number once ended with their process.</summary>
    [Theory]
    [InlineData(typeof(LoraModules))]
    [InlineData(typeof(ArithmeticTests))]
    public void No_number_is_handed_to_torch_that_may_be_collected_while_torch_reads_it(Type type)
    {
        string[] offences = [.. CalledMembers.Of(type.Assembly)
            .Where(call => Unsafe.IsMatch(call.Called) && !call.Caller.StartsWith(nameof(Arithmetic), StringComparison.Ordinal))
            .Select(call => $"{call.Caller}: {call.Called}")];

        Assert.True(offences.Length == 0, string.Join(Environment.NewLine, offences));
    }

    /// <summary>TorchSharp's own sum fails here after some ten thousand rounds.</summary>
    [Fact]
    public async Task A_number_survives_collections_while_torch_reads_it()
    {
        using Tensor sum = zeros(1 << 12, device: CPU);
        using Tensor one = ones(1 << 12, device: CPU);
        using CancellationTokenSource done = new();
        Task[] collectors = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => CollectUntil(done.Token)))];
        for (int round = 0; round < 100_000; round++)
        {
            sum.Add(one).Add(one, 0.5).Add(-0.5);
        }

        await done.CancelAsync();
        await Task.WhenAll(collectors);
        Assert.Equal(100_000, sum[0].ToSingle());
    }

    /// <summary>Frees numbers and takes their places by other ones.</summary>
    private static void CollectUntil(CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            GC.Collect(0);
            GC.WaitForPendingFinalizers();
            for (int index = 0; index < 200; index++)
            {
                Scalar other = index % 2 == 0 ? (Scalar)true : (Scalar)3.5;
                GC.KeepAlive(other);
            }
        }
    }
}
