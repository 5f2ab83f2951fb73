using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Arithmetic of tensors and numbers. TorchSharp makes an object of each number that an operator is given, the 1 of a plain sum of two tensors
/// included, reads its handle and holds it no longer; a collection that comes then frees it while torch reads it, and the result is an error or,
/// worse, a wrong number. Here the object is held until torch has returned.
/// </summary>
internal static class Arithmetic
{
    private static readonly Scalar One = 1;

    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, One);

    /// <summary>left + number.</summary>
    public static Tensor Plus(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.add(held, One);
    }

    /// <summary>left + number; whole numbers stay whole.</summary>
    public static Tensor Plus(this Tensor left, long number)
    {
        using Scalar held = number;
        return left.add(held, One);
    }

    /// <summary>left += right.</summary>
    public static Tensor Add(this Tensor left, Tensor right) => left.add_(right, One);

    /// <summary>left += factor · right.</summary>
    public static Tensor Add(this Tensor left, Tensor right, double factor)
    {
        using Scalar held = factor;
        return left.add_(right, held);
    }

    /// <summary>left += number.</summary>
    public static Tensor Add(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.add_(held, One);
    }

    /// <summary>left += factor · first · second, value by value.</summary>
    public static Tensor AddProduct(this Tensor left, Tensor first, Tensor second, double factor)
    {
        using Scalar held = factor;
        return left.addcmul_(first, second, held);
    }

    /// <summary>left += factor · dividend / divisor, value by value.</summary>
    public static Tensor AddQuotient(this Tensor left, Tensor dividend, Tensor divisor, double factor)
    {
        using Scalar held = factor;
        return left.addcdiv_(dividend, divisor, held);
    }

    /// <summary>left · number.</summary>
    public static Tensor Times(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.mul(held);
    }

    /// <summary>left *= number.</summary>
    public static Tensor Multiply(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.mul_(held);
    }

    /// <summary>left /= number.</summary>
    public static Tensor Divide(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.div_(held);
    }

    /// <summary>left &gt;= number, value by value.</summary>
    public static Tensor IsAtLeast(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.ge(held);
    }

    /// <summary>left &lt; number, value by value.</summary>
    public static Tensor IsBelow(this Tensor left, double number)
    {
        using Scalar held = number;
        return left.lt(held);
    }

    /// <summary>The values, or a number where they are below it.</summary>
    public static Tensor AtLeast(this Tensor values, double number)
    {
        using Scalar held = number;
        return values.clamp(min: held);
    }

    /// <summary>The values, or a number where they are above it.</summary>
    public static Tensor AtMost(this Tensor values, double number)
    {
        using Scalar held = number;
        return values.clamp(max: held);
    }

    /// <summary>The values, cut off at a number and at its opposite.</summary>
    public static Tensor Clamped(this Tensor values, double largest)
    {
        using Scalar low = -largest;
        using Scalar high = largest;
        return values.clamp(low, high);
    }

    /// <summary>The whole numbers from the first to the one before the last.</summary>
    public static Tensor Range(long first, long last, ScalarType type, Device device)
    {
        using Scalar begin = first;
        using Scalar end = last;
        return arange(begin, end, One, type, device);
    }

    /// <summary>A tensor of one number.</summary>
    public static Tensor Full(long[] shape, double number, ScalarType type, Device device)
    {
        using Scalar held = number;
        return full(shape, held, type, device);
    }

    /// <summary>The values, or a number where the mask is set.</summary>
    public static Tensor Masked(this Tensor values, Tensor mask, double number)
    {
        using Scalar held = number;
        return values.masked_fill(mask, held);
    }
}
