using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>This processor's own rates, measured.</summary>
/// <param name="type">Of what is computed.</param>
/// <param name="clock">The seconds of work.</param>
internal sealed class ProcessorRates(ScalarType type, Func<Action, double> clock)
{
    private const long Long = 16 << 20; // values of a tensor that no cache holds
    private const long Short = 1 << 20;
    private const int Calls = 2000;

    // What takes less is done again until so much has gone by.
    private const double Enough = 0.02;

    /// <summary>Of the memory, of functions, of a call, and of each product of a step in its own shape; attention and drawing hang on the kernels.</summary>
    public Rates Take(IEnumerable<OperatorCost> step)
    {
        Dictionary<MatrixProduct, double> products = step.Select(cost => cost.Product).OfType<MatrixProduct>().Distinct().ToDictionary(product => product, Product);
        return new(Bandwidth(), cost => products[cost.Product!], Call(), Shortest: 0, IsQueued: false) { Functions = Functions() };
    }

    /// <summary>FLOP/s of attention over documents of these lengths, forward and backward.</summary>
    public double Attention(IKernels kernels, AttentionHeads heads, int[] lengths)
    {
        using AttentionPass pass = new(kernels, heads, type, lengths);
        return pass.Flops / Seconds(pass.Run);
    }

    /// <summary>Values that are dropped or not, a second.</summary>
    public double Draws(IKernels kernels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([Short / 1024, 1024], dtype: type, device: CPU);
        Tensor y = ones_like(x);
        return Short / Seconds(() => kernels.Drop(x, 0.1, seed: 7, y));
    }

    /// <summary>As a step has it: with frozen matrices by the engine's own choice, of thin ones by libtorch's.</summary>
    private double Product(MatrixProduct product)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor left = Matrix(product.Rows, product.Inner, product.IsLeftTurned);
        Tensor right = Matrix(product.Inner, product.Columns, product.IsRightTurned);
        Tensor result = Matrix(product.Rows, product.Columns, isTurned: false);
        return product.Flops / Seconds(Multiply);

        void Multiply()
        {
            if (product.IsThin || product.Batches > 1)
            {
                ProductInto.Batches(result, left, right);
            }
            else if (product.IsRightTurned)
            {
                FrozenProduct.Forward(left[0], right[0].t(), bias: null, residual: null, result[0]);
            }
            else
            {
                FrozenProduct.Backward(left[0], right[0], result[0]);
            }
        }

        // Written, so that it has memory of its own.
        Tensor Matrix(long rows, long columns, bool isTurned) => isTurned
            ? ones([product.Batches, columns, rows], dtype: type, device: CPU).transpose(1, 2)
            : ones([product.Batches, rows, columns], dtype: type, device: CPU);
    }

    /// <summary>Of a sum of two tensors that is written over the first.</summary>
    private double Bandwidth()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = ones([Long], dtype: type, device: CPU);
        Tensor addend = ones_like(sum);
        return 3.0 * type.ElementSize() * Long / Seconds(() => sum.Add(addend));
    }

    /// <summary>Values of exp a second.</summary>
    private double Functions()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = zeros([Short], dtype: type, device: CPU);
        return Short / Seconds(() => x.exp().Dispose());
    }

    /// <summary>Seconds of an operator with next to nothing to do.</summary>
    private double Call()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = zeros([16], dtype: type, device: CPU);
        return Seconds(() =>
        {
            for (int call = 0; call < Calls; call++)
            {
                using Tensor part = sum.narrow(0, 0, 8); // as in a step, where most operators get a view
                part.Add(1);
            }
        }) / Calls;
    }

    private double Seconds(Action work) => Measurement.For(Enough, work, clock).Median;
}
